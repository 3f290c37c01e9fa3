// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <stdexcept>
#include <string>

#include "nn/no_parameters.hpp"
#include "nn/softmax.hpp"
#include "nn/types.hpp"

namespace nn {

/// Every position looks at itself and at those before it (Vaswani and others, 2017). The input
/// (N*T, 3*W) holds N sequences of T positions, and in each row the W numbers of its queries, of
/// its keys and of its values; each third belongs to H heads of D = W/H numbers. Head by head:
///
///     s(i, j) = sum_d q(i, d) * k(j, d) / sqrt(D)               for j <= i
///     p(i, j) = exp(s(i, j)) / sum_{l <= i} exp(s(i, l))        for j <= i, else 0
///     y(i, d) = sum_j p(i, j) * v(j, d)
///
/// and the output (N*T, W) has the heads side by side. There is nothing to learn here: put it
/// between two linear layers, W -> 3*W and W -> W.
class CausalSelfAttention : public NoParameters {
 public:
  CausalSelfAttention(Index context, Index width, Index heads)
      : context_(context), heads_(heads), head_width_(width / heads) {
    if (width % heads != 0) {
      throw std::invalid_argument("attention: expected a number of heads that divides the width " +
                                  std::to_string(width) + ", got " + std::to_string(heads));
    }
  }

  template <typename Scalar>
  Matrix<Scalar> forward(const Matrix<Scalar>& x) {
    return infer(x);
  }

  template <typename Scalar>
  Matrix<Scalar> infer(const Matrix<Scalar>& x) const {
    Matrix<Scalar> y(x.rows(), heads_ * head_width_);
    for_each_head(x, [&](Index n, Index q, Index k, Index v) {
      head(y, n, q).noalias() = probabilities(x, n, q, k) * head(x, n, v);
    });
    return y;
  }

  /// The chain rule through y, p and s, where the derivative of the softmax is
  /// dp(i, j)/ds(i, l) = p(i, j) * ([j == l] - p(i, l)):
  ///
  ///     dv(j, d) = sum_i p(i, j) * dy(i, d)
  ///     dp(i, j) = sum_d dy(i, d) * v(j, d)
  ///     ds(i, j) = p(i, j) * (dp(i, j) - sum_l p(i, l) * dp(i, l))
  ///     dq(i, d) = sum_j ds(i, j) * k(j, d) / sqrt(D)
  ///     dk(j, d) = sum_i ds(i, j) * q(i, d) / sqrt(D)
  ///
  /// p is computed again rather than kept: it is (N, H, T, T).
  template <typename Scalar>
  Matrix<Scalar> backward(const Matrix<Scalar>& x, const Matrix<Scalar>& dy) {
    Matrix<Scalar> dx(x.rows(), x.cols());
    for_each_head(x, [&](Index n, Index q, Index k, Index v) {
      const Matrix<Scalar> p = probabilities(x, n, q, k);
      head(dx, n, v).noalias() = p.transpose() * head(dy, n, q);
      Matrix<Scalar> ds = head(dy, n, q) * head(x, n, v).transpose();  // dp, to begin with
      const Eigen::VectorX<Scalar> expected = p.cwiseProduct(ds).rowwise().sum();
      ds = p.cwiseProduct(ds.colwise() - expected) * scale<Scalar>();
      head(dx, n, q).noalias() = ds * head(x, n, k);
      head(dx, n, k).noalias() = ds.transpose() * head(x, n, q);
    });
    return dx;
  }

 private:
  /// visit(sequence, q, k, v) for each head of each sequence: q, k and v say where in the row its
  /// queries, keys and values are, counted in heads; its output is where its queries were.
  template <typename X, typename Visit>
  void for_each_head(const X& x, Visit&& visit) const {
    eigen_assert(x.cols() == 3 * heads_ * head_width_ && x.rows() % context_ == 0);
    for (Index n = 0; n < x.rows() / context_; ++n) {
      for (Index h = 0; h < heads_; ++h) {
        visit(n, h, heads_ + h, 2 * heads_ + h);
      }
    }
  }

  /// (T, D)
  template <typename X>
  auto head(X& x, Index sequence, Index place) const {
    return x.block(sequence * context_, place * head_width_, context_, head_width_);
  }

  template <typename Scalar>
  Matrix<Scalar> probabilities(const Matrix<Scalar>& x, Index n, Index q, Index k) const {
    Matrix<Scalar> p = head(x, n, q) * head(x, n, k).transpose();
    p *= scale<Scalar>();
    for (Index i = 0; i < context_; ++i) {
      softmax(p.row(i).head(i + 1));
      p.row(i).tail(context_ - i - 1).setZero();
    }
    return p;
  }

  template <typename Scalar>
  Scalar scale() const {
    return static_cast<Scalar>(1.0 / std::sqrt(static_cast<double>(head_width_)));
  }

  Index context_;     // T
  Index heads_;       // H
  Index head_width_;  // D
};

}  // namespace nn
