// SPDX-License-Identifier: MIT
#pragma once

#include <eigen_norm/gradient_check.hpp>

#include "nn/random.hpp"
#include "nn/types.hpp"

/// The worst relative error of a layer's gradients against differences of its forward. The steps
/// are small, for a step across the kink of a ReLU or a maximum would show an error that is none.
template <typename Layer, typename X>
double worst_gradient_error(const Layer& layer, const X& x) {
  eigen_norm::GradientCheckOptions options;
  options.step = 1e-5;
  return eigen_norm::check_gradients(layer, x, options).worst();
}

inline nn::Matrix<double> random_matrix(nn::Index rows, nn::Index cols) {
  nn::Matrix<double> x(rows, cols);
  nn::Random(5).fill_normal(x, 1.0);
  return x;
}

inline nn::Images<double> random_images(nn::Index n, nn::Index channels, nn::Index height,
                                        nn::Index width) {
  nn::Images<double> x(n, channels, height, width);
  nn::Random(6).fill_normal(x, 1.0);
  return x;
}
