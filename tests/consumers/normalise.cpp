// SPDX-License-Identifier: MIT
#include "normalise.hpp"

#include <eigen_norm/eigen_norm.hpp>

Eigen::MatrixXf normalise(const Eigen::MatrixXf& rows) {
  eigen_norm::BatchNorm1d<float> norm(rows.cols());
  return norm.forward(rows);
}
