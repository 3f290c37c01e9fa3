// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "nn/types.hpp"

namespace nn {

template <typename Scalar>
struct LossAndGradient {
  double loss;              // mean over the samples
  Matrix<Scalar> gradient;  // of the loss by the logits, (N, classes)
};

/// With p(n, k) = exp(z(n, k)) / sum_j exp(z(n, j)):
///
///     loss = -1/N * sum_n log p(n, label(n)),   dloss/dz(n, k) = (p(n, k) - [k == label(n)]) / N
///
/// The largest logit of each row is subtracted first, so that exp cannot overflow.
template <typename Scalar>
LossAndGradient<Scalar> softmax_cross_entropy(const Matrix<Scalar>& logits, const Labels& labels) {
  eigen_assert(logits.rows() == labels.size());
  const auto count = static_cast<double>(logits.rows());
  LossAndGradient<Scalar> result{0.0, Matrix<Scalar>(logits.rows(), logits.cols())};
  for (Index n = 0; n < logits.rows(); ++n) {
    const Index label = labels(n);
    eigen_assert(0 <= label && label < logits.cols());
    const Scalar largest = logits.row(n).maxCoeff();
    auto p = result.gradient.row(n);
    p = (logits.row(n).array() - largest).exp().matrix();
    const Scalar total = p.sum();
    const double log_p =
        static_cast<double>(logits(n, label) - largest) - std::log(static_cast<double>(total));
    result.loss -= log_p / count;
    p /= total;
    p(label) -= Scalar(1);
  }
  result.gradient /= static_cast<Scalar>(count);
  return result;
}

}  // namespace nn
