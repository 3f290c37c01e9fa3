// SPDX-License-Identifier: MIT
#pragma once

#include "nn/types.hpp"

namespace nn {

/// y(n, c, ...) = x(n, c, ...) + bias(c), for (N, C) and (N, C, H, W).
///
/// It stands where a network has no normalization, so that the network keeps the learned shift that
/// the normalization would have given it, and a comparison compares normalizing alone.
template <typename ScalarType>
class ChannelBias {
 public:
  using Scalar = ScalarType;

  explicit ChannelBias(Index channels)
      : bias_(Eigen::ArrayX<Scalar>::Zero(channels)), bias_grad_(bias_) {}

  template <typename X>
  X forward(const X& x) {
    return infer(x);
  }

  template <typename X>
  X infer(const X& x) const {
    X y = x;
    const Index inner = x.size() / (samples(x) * bias_.size());
    for (Index n = 0; n < samples(x); ++n) {
      const Index start = n * bias_.size() * inner;
      as_matrix(y.data() + start, bias_.size(), inner).array().colwise() += bias_;
    }
    return y;
  }

  /// dx = dy; adds dbias(c) = sum of dy over everything but c.
  template <typename X>
  X backward(const X& x, const X& dy) {
    const Index inner = x.size() / (samples(x) * bias_.size());
    for (Index n = 0; n < samples(x); ++n) {
      const Index start = n * bias_.size() * inner;
      bias_grad_ += as_matrix(dy.data() + start, bias_.size(), inner).array().rowwise().sum();
    }
    return dy;
  }

  void zero_grad() { bias_grad_.setZero(); }

  template <typename Visit>
  void for_each_parameter(Visit&& visit) {
    visit("bias", bias_, bias_grad_);
  }

 private:
  static Index samples(const Matrix<Scalar>& x) { return x.rows(); }
  static Index samples(const Images<Scalar>& x) { return x.dimension(0); }

  Eigen::ArrayX<Scalar> bias_;
  Eigen::ArrayX<Scalar> bias_grad_;
};

}  // namespace nn
