// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

namespace nn {

/// The learning rate of step 0, 1, ..., steps - 1: up to `peak` in a line over the first twentieth
/// of the steps, while Adam's means are of few gradients, then down to 0 along half a cosine.
inline double warmup_then_cosine(double peak, int step, int steps) {
  const double warmup = std::ceil(steps / 20.0);
  if (step < warmup) {
    return peak * (step + 1) / warmup;
  }
  const double done = (step + 1 - warmup) / (steps - warmup);
  return peak * 0.5 * (1 + std::cos(3.141592653589793 * done));
}

}  // namespace nn
