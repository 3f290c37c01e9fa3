// SPDX-License-Identifier: MIT
#pragma once

// The one place that holds the version: the build system reads these three lines.
#define EIGEN_NORM_VERSION_MAJOR 0
#define EIGEN_NORM_VERSION_MINOR 1
#define EIGEN_NORM_VERSION_PATCH 0
