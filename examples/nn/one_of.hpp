// SPDX-License-Identifier: MIT
#pragma once

#include <utility>
#include <variant>

#include "nn/state.hpp"

namespace nn {

/// One of several layers, chosen when the program runs: OneOf<BatchNorm2d<float>,
/// GroupNorm<float>>. All of them take and give the same types. It is itself a layer.
template <typename First, typename... Rest>
class OneOf {
 public:
  using Scalar = typename First::Scalar;

  template <typename Layer>
  OneOf(Layer layer) : layer_(std::move(layer)) {}

  template <typename X>
  auto forward(const X& x) {
    return std::visit([&](auto& layer) { return layer.forward(x); }, layer_);
  }

  template <typename X>
  auto infer(const X& x) const {
    return std::visit([&](const auto& layer) { return layer.infer(x); }, layer_);
  }

  template <typename X, typename Dy>
  auto backward(const X& x, const Dy& dy) {
    return std::visit([&](auto& layer) { return layer.backward(x, dy); }, layer_);
  }

  void zero_grad() {
    std::visit([](auto& layer) { layer.zero_grad(); }, layer_);
  }

  template <typename Visit>
  void for_each_parameter(Visit&& visit) {
    std::visit([&](auto& layer) { layer.for_each_parameter(visit); }, layer_);
  }

  template <typename Visit>
  void for_each_state(Visit&& visit) {
    std::visit([&](auto& layer) { nn::for_each_state(layer, visit); }, layer_);
  }

 private:
  std::variant<First, Rest...> layer_;
};

}  // namespace nn
