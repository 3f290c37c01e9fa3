// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm_single.hpp"

// A forward in a translation unit of its own.
Eigen::MatrixXd step(eigen_norm::LayerNorm<double>& norm, const Eigen::MatrixXd& x);
