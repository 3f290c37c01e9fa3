// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "nn/state.hpp"

namespace nn {

/// Layers applied one after the other: y = last(... second(first(x))). A chain is itself a layer.
///
/// Layers keep no activations; whoever calls them keeps their inputs and hands them to backward. A
/// chain is the caller of its layers, so it keeps what flows between them; x stays with the
/// caller of the chain.
///
/// Build one with braces, Chain<...>{first, second}: they are evaluated from left to right, so that
/// layers drawing their weights from one Random do it in order.
template <typename Input, typename First, typename... Rest>
class Chain {
 public:
  Chain(First first, Rest... rest) : first_(std::move(first)), rest_(std::move(rest)...) {}

  auto forward(const Input& x) {
    between_ = first_.forward(x);
    return rest_.forward(between_);
  }

  auto infer(const Input& x) const { return rest_.infer(first_.infer(x)); }

  template <typename Output>
  Input backward(const Input& x, const Output& dy) {
    return first_.backward(x, rest_.backward(between_, dy));
  }

  void zero_grad() {
    first_.zero_grad();
    rest_.zero_grad();
  }

  template <typename Visit>
  void for_each_parameter(Visit&& visit) {
    first_.for_each_parameter(visit);
    rest_.for_each_parameter(visit);
  }

  template <typename Visit>
  void for_each_state(Visit&& visit) {
    nn::for_each_state(first_, visit);
    nn::for_each_state(rest_, visit);
  }

 private:
  using Between = decltype(std::declval<First&>().forward(std::declval<const Input&>()));

  First first_;
  Between between_;
  Chain<Between, Rest...> rest_;
};

/// The end of the recursion: a chain of one layer is that layer.
template <typename Input, typename Last>
class Chain<Input, Last> : public Last {
 public:
  explicit Chain(Last last) : Last(std::move(last)) {}
};

}  // namespace nn
