// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "nn/random.hpp"
#include "nn/types.hpp"

namespace nn {

enum class Bias { none, learned };

/// y(n, o) = sum_i x(n, i) * weight(o, i) + bias(o).
///
/// Choose Bias::none in front of a normalization: it subtracts the mean, and a bias with it.
template <typename ScalarType>
class Linear {
 public:
  using Scalar = ScalarType;

  /// He's choice, which keeps the variance of the activations from one ReLU to the next.
  static constexpr double he_gain = 1.4142135623730951;

  /// The weights begin as normals of standard deviation gain / sqrt(inputs).
  Linear(Index inputs, Index outputs, Bias bias, Random& random, double gain = he_gain)
      : weight_(outputs, inputs),
        weight_grad_(Matrix<Scalar>::Zero(outputs, inputs)),
        bias_(Row::Zero(bias == Bias::learned ? outputs : 0)),
        bias_grad_(Row::Zero(bias_.size())) {
    random.fill_normal(weight_, gain / std::sqrt(static_cast<double>(inputs)));
  }

  Matrix<Scalar> forward(const Matrix<Scalar>& x) { return infer(x); }

  Matrix<Scalar> infer(const Matrix<Scalar>& x) const {
    Matrix<Scalar> y = x * weight_.transpose();
    if (bias_.size() > 0) {
      y.rowwise() += bias_;
    }
    return y;
  }

  /// dx(n, i) = sum_o dy(n, o) * weight(o, i); adds dweight(o, i) = sum_n dy(n, o) * x(n, i) and
  /// dbias(o) = sum_n dy(n, o) to the gradients.
  Matrix<Scalar> backward(const Matrix<Scalar>& x, const Matrix<Scalar>& dy) {
    weight_grad_.noalias() += dy.transpose() * x;
    if (bias_.size() > 0) {
      bias_grad_ += dy.colwise().sum();
    }
    return dy * weight_;
  }

  void zero_grad() {
    weight_grad_.setZero();
    bias_grad_.setZero();
  }

  template <typename Visit>
  void for_each_parameter(Visit&& visit) {
    visit("weight", weight_, weight_grad_);
    if (bias_.size() > 0) {
      visit("bias", bias_, bias_grad_);
    }
  }

 private:
  using Row = Eigen::RowVectorX<Scalar>;

  Matrix<Scalar> weight_;
  Matrix<Scalar> weight_grad_;
  Row bias_;
  Row bias_grad_;
};

}  // namespace nn
