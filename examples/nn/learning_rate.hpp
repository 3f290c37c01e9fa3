// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

namespace nn {

/// The learning rate at `progress`, from 0 at the start of a training to 1 at its end: it rises to
/// `peak` over the first tenth, while Adam's moments settle, and falls to 0 along a cosine.
inline double warm_up_and_cosine(double peak, double progress) {
  constexpr double warm_up = 0.1;
  constexpr double pi = 3.141592653589793;
  if (progress < warm_up) return peak * progress / warm_up;
  return peak * (1.0 + std::cos(pi * (progress - warm_up) / (1.0 - warm_up))) / 2.0;
}

}  // namespace nn
