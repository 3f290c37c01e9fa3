// SPDX-License-Identifier: MIT
#include "step.hpp"

int main() {
  eigen_norm::LayerNorm<float> layer(8);
  step(layer);
  return layer.beta_grad().isZero() ? 1 : 0;
}
