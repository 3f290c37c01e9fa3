// SPDX-License-Identifier: MIT
#define EIGEN_USE_THREADS
#include "eigen_norm_single.hpp"
#include "step.hpp"

static_assert(EIGEN_NORM_VERSION_MAJOR >= 0, "the single header knows its version");

// The layers, the threads and the gradient checker out of one file, in two translation units.
int main() {
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(64, 1024);
  eigen_norm::LayerNorm<double> norm(1024);
  const Eigen::MatrixXd y = norm.forward(x);

  Eigen::ThreadPool pool(2);
  Eigen::ThreadPoolDevice device(&pool, 2);
  eigen_norm::ParallelScope scope(device);
  const bool same = step(norm, x) == y;

  const Eigen::MatrixXd rows = Eigen::MatrixXd::Random(2, 8);
  const auto report = check_gradients(eigen_norm::LayerNorm<double>(8), rows);
  return same && report.worst() < 1e-6 ? 0 : 1;
}
