// SPDX-License-Identifier: MIT
#pragma once

#include "nn/random.hpp"
#include "nn/types.hpp"

namespace nn {

/// (N, T): N sequences of T tokens, each a whole number counted from 0.
using Tokens = Eigen::Array<int, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// y(n*T + t, :) = token(x(n, t), :) + position(t, :): what is there, and where; both are learned.
///
/// The rows of y are the positions of all sequences, one sequence below the other, which is what
/// Linear, LayerNorm and RMSNorm take.
template <typename ScalarType>
class Embedding {
 public:
  using Scalar = ScalarType;

  Embedding(Index vocabulary, Index context, Index width, Random& random)
      : token_(vocabulary, width),
        token_grad_(Matrix<Scalar>::Zero(vocabulary, width)),
        position_(context, width),
        position_grad_(Matrix<Scalar>::Zero(context, width)) {
    random.fill_normal(token_, 0.5);
    random.fill_normal(position_, 0.5);
  }

  Matrix<Scalar> forward(const Tokens& x) { return infer(x); }

  Matrix<Scalar> infer(const Tokens& x) const {
    eigen_assert(x.cols() == position_.rows());
    Matrix<Scalar> y(x.size(), token_.cols());
    for (Index n = 0; n < x.rows(); ++n) {
      for (Index t = 0; t < x.cols(); ++t) {
        y.row(n * x.cols() + t) = token_.row(x(n, t)) + position_.row(t);
      }
    }
    return y;
  }

  /// Adds dtoken(c, :) = sum of dy(n*T + t, :) over x(n, t) == c, and dposition(t, :) = sum_n of
  /// it. Tokens are no real numbers: there is no dx.
  void backward(const Tokens& x, const Matrix<Scalar>& dy) {
    for (Index n = 0; n < x.rows(); ++n) {
      for (Index t = 0; t < x.cols(); ++t) {
        token_grad_.row(x(n, t)) += dy.row(n * x.cols() + t);
        position_grad_.row(t) += dy.row(n * x.cols() + t);
      }
    }
  }

  void zero_grad() {
    token_grad_.setZero();
    position_grad_.setZero();
  }

  template <typename Visit>
  void for_each_parameter(Visit&& visit) {
    visit("token", token_, token_grad_);
    visit("position", position_, position_grad_);
  }

 private:
  Matrix<Scalar> token_;          // (vocabulary, width)
  Matrix<Scalar> token_grad_;     // (vocabulary, width)
  Matrix<Scalar> position_;       // (T, width)
  Matrix<Scalar> position_grad_;  // (T, width)
};

}  // namespace nn
