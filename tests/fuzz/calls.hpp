// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "support/layer_check.hpp"

namespace eigen_norm::test::fuzz {

// The calls of a layer without conditions, and where it keeps its gradients.
struct PlainCalls {
  static constexpr bool conditioned = false;

  template <typename Layer, typename X, typename Y>
  void infer(const Layer& layer, const X& x, Y&& y) const {
    layer.infer(x, std::forward<Y>(y));
  }
  template <typename Layer, typename X, typename Y>
  void forward(Layer& layer, const X& x, Y&& y) const {
    layer.forward(x, std::forward<Y>(y));
  }
  template <typename Layer, typename X, typename Dy, typename Dx>
  void backward(Layer& layer, const X& x, const Dy& dy, Dx&& dx) const {
    layer.backward(x, dy, std::forward<Dx>(dx));
  }
  template <typename Layer>
  void start_gradients(Layer& layer, Real value) const {
    layer.gamma_grad().setConstant(static_cast<Param<typename Layer::Scalar>>(value));
    layer.beta_grad().setConstant(static_cast<Param<typename Layer::Scalar>>(value));
  }
  template <typename Layer>
  Values dgamma(const Layer& layer) const {
    return from_parameters(layer.gamma_grad());
  }
  template <typename Layer>
  Values dbeta(const Layer& layer) const {
    return from_parameters(layer.beta_grad());
  }
};

}  // namespace eigen_norm::test::fuzz
