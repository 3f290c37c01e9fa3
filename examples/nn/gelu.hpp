// SPDX-License-Identifier: MIT
#pragma once

#include "nn/no_parameters.hpp"
#include "nn/types.hpp"

namespace nn {

/// The Gaussian error linear unit in its tanh form, as in GPT-2 (Hendrycks and Gimpel, 2016), which
/// is within 5e-4 of x * Phi(x):
///
///     y = x/2 * (1 + tanh(u)),   u = sqrt(2/pi) * (x + 0.044715 * x^3)
class Gelu : public NoParameters {
 public:
  template <typename X>
  X forward(const X& x) {
    return infer(x);
  }

  template <typename X>
  X infer(const X& x) const {
    using Scalar = typename X::Scalar;
    X y = x;
    flat(y) = Scalar(0.5) * flat(x) * (Scalar(1) + tanh_of_u(x));
    return y;
  }

  /// With t = tanh(u):  dx = dy * ((1 + t)/2 + x/2 * (1 - t^2) * sqrt(2/pi) * (1 + 3 * 0.044715 *
  /// x^2))
  template <typename X>
  X backward(const X& x, const X& dy) {
    using Scalar = typename X::Scalar;
    const Eigen::ArrayX<Scalar> t = tanh_of_u(x);
    const auto du = Scalar(linear) * (Scalar(1) + Scalar(3 * cubic) * flat(x).square());
    X dx = dy;
    flat(dx) *= Scalar(0.5) * ((Scalar(1) + t) + flat(x) * (Scalar(1) - t.square()) * du);
    return dx;
  }

 private:
  static constexpr double linear = 0.7978845608028654;  // sqrt(2/pi)
  static constexpr double cubic = 0.044715;

  template <typename X>
  static Eigen::ArrayX<typename X::Scalar> tanh_of_u(const X& x) {
    using Scalar = typename X::Scalar;
    return (Scalar(linear) * flat(x) * (Scalar(1) + Scalar(cubic) * flat(x).square())).tanh();
  }
};

}  // namespace nn
