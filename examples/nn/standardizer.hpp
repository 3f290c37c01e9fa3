// SPDX-License-Identifier: MIT
#pragma once

#include "nn/types.hpp"

namespace nn {

/// z(n, i) = (x(n, i) - mean(i)) / sd(i), with mean and sd from the rows it was made of and from no
/// others: make it of the training samples, apply it to all.
class Standardizer {
 public:
  explicit Standardizer(const Matrix<double>& train)
      : mean_(train.colwise().mean()),
        sd_((train.rowwise() - mean_).array().square().colwise().mean().sqrt()) {
    sd_ = (sd_ > 0.0).select(sd_, 1.0);  // a constant feature becomes 0
  }

  Matrix<float> apply(const Matrix<double>& x) const {
    return ((x.rowwise() - mean_).array().rowwise() / sd_).matrix().cast<float>();
  }

 private:
  Eigen::RowVectorXd mean_;
  Eigen::Array<double, 1, Eigen::Dynamic> sd_;
};

}  // namespace nn
