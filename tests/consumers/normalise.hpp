// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>

// BatchNorm of the rows, computed in a translation unit of its own.
Eigen::MatrixXf normalise(const Eigen::MatrixXf& rows);
