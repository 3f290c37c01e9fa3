// SPDX-License-Identifier: MIT
#include "step.hpp"

void step(eigen_norm::LayerNorm<float>& layer) {
  const Eigen::MatrixXf x = Eigen::MatrixXf::Random(3, 8);
  layer.forward(x);
  layer.backward(x, x);
}
