// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nn/state.hpp"
#include "nn/types.hpp"

namespace nn {

/// Layers of one type applied one after the other, as many as the program decides when it runs:
/// what Chain is for layers of different types. All take and give an X. A stack is itself a layer.
template <typename X, typename Layer>
class Stack {
 public:
  using Scalar = typename X::Scalar;

  explicit Stack(std::vector<Layer> layers) : layers_(std::move(layers)), between_(layers_.size()) {
    if (layers_.empty()) throw std::invalid_argument("Stack: expected at least 1 layer, got none");
  }

  X forward(const X& x) {
    between_[0] = layers_[0].forward(x);
    for (std::size_t k = 1; k < layers_.size(); ++k) {
      between_[k] = layers_[k].forward(between_[k - 1]);
    }
    return between_.back();
  }

  X infer(const X& x) const {
    X y = x;
    for (const Layer& layer : layers_) y = layer.infer(y);
    return y;
  }

  X backward(const X& x, const X& dy) {
    X dx = dy;
    for (std::size_t k = layers_.size() - 1; k > 0; --k) {
      dx = layers_[k].backward(between_[k - 1], dx);
    }
    return layers_[0].backward(x, dx);
  }

  void zero_grad() {
    for (Layer& layer : layers_) layer.zero_grad();
  }

  template <typename Visit>
  void for_each_parameter(Visit&& visit) {
    for (Layer& layer : layers_) layer.for_each_parameter(visit);
  }

  template <typename Visit>
  void for_each_state(Visit&& visit) {
    for (Layer& layer : layers_) nn::for_each_state(layer, visit);
  }

 private:
  std::vector<Layer> layers_;
  std::vector<X> between_;  ///< the output of each layer
};

}  // namespace nn
