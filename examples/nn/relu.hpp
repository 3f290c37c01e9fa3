// SPDX-License-Identifier: MIT
#pragma once

#include "nn/no_parameters.hpp"
#include "nn/types.hpp"

namespace nn {

/// y = max(x, 0), element by element, for matrices and tensors.
class Relu : public NoParameters {
 public:
  template <typename X>
  X forward(const X& x) {
    return infer(x);
  }

  template <typename X>
  X infer(const X& x) const {
    X y = x;
    flat(y) = flat(x).max(typename X::Scalar(0));
    return y;
  }

  /// dx = dy where x > 0, else 0.
  template <typename X>
  X backward(const X& x, const X& dy) {
    X dx = dy;
    flat(dx) = (flat(x) > typename X::Scalar(0)).select(flat(dy), typename X::Scalar(0));
    return dx;
  }
};

}  // namespace nn
