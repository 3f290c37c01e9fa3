// SPDX-License-Identifier: MIT
#define EIGEN_USE_THREADS
#include "step.hpp"

Eigen::MatrixXd step(eigen_norm::LayerNorm<double>& norm, const Eigen::MatrixXd& x) {
  return norm.forward(x);
}
