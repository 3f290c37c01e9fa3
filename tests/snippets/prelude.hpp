// SPDX-License-Identifier: MIT
#pragma once

// What a fragment in the documents may take as given. Declared, never defined: fragments are
// compiled and not linked.
#include <eigen_norm/eigen_norm.hpp>
#include <unsupported/Eigen/CXX11/Tensor>

using namespace eigen_norm;

extern Eigen::Tensor<float, 4, Eigen::RowMajor> x, y, dy, dx;  // (N, C, H, W)
extern BatchNorm2d<float> norm;
