// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "nn/state.hpp"
#include "nn/types.hpp"

namespace nn {

/// y = x + f(x), f being any layer whose output has the shape of its input: the shortcut of a
/// residual network (He, Zhang, Ren and Sun, 2016). A ReLU after it is a layer of its own.
template <typename Inner>
class Residual {
 public:
  explicit Residual(Inner inner) : inner_(std::move(inner)) {}

  template <typename X>
  X forward(const X& x) {
    X y = inner_.forward(x);
    flat(y) += flat(x);
    return y;
  }

  template <typename X>
  X infer(const X& x) const {
    X y = inner_.infer(x);
    flat(y) += flat(x);
    return y;
  }

  /// dx = dy + (what f makes of dy)
  template <typename X>
  X backward(const X& x, const X& dy) {
    X dx = inner_.backward(x, dy);
    flat(dx) += flat(dy);
    return dx;
  }

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
  Inner inner_;
};

}  // namespace nn
