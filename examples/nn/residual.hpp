// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "nn/state.hpp"
#include "nn/types.hpp"

namespace nn {

/// y = x + inner(x), for an inner layer that keeps the shape (He and others, 2016). The gradient
/// has a way around the inner layer, so that it reaches the first of many.
template <typename X, typename Inner>
class Residual {
 public:
  using Scalar = typename X::Scalar;

  explicit Residual(Inner inner) : inner_(std::move(inner)) {}

  X forward(const X& x) { return sum(inner_.forward(x), x); }

  X infer(const X& x) const { return sum(inner_.infer(x), x); }

  X backward(const X& x, const X& dy) { return sum(inner_.backward(x, dy), dy); }

  void zero_grad() { inner_.zero_grad(); }

  template <typename Visit>
  void for_each_parameter(Visit&& visit) {
    inner_.for_each_parameter(visit);
  }

  template <typename Visit>
  void for_each_state(Visit&& visit) {
    nn::for_each_state(inner_, visit);
  }

 private:
  static X sum(X a, const X& b) {
    flat(a) += flat(b);
    return a;
  }

  Inner inner_;
};

}  // namespace nn
