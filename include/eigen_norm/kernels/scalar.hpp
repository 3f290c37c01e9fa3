// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <type_traits>

#include "eigen_norm/memory/abi.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

template <typename Scalar>
inline constexpr bool is_16_bit_float =
    std::is_same_v<Scalar, Eigen::half> || std::is_same_v<Scalar, Eigen::bfloat16>;

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// The type of gamma, beta and their gradients: float for 16-bit data, else the data's own.
template <typename Scalar>
using Param = std::conditional_t<kernels::is_16_bit_float<Scalar>, float, Scalar>;

/// The type statistics are merged and kept in: double for everything narrower, else the scalar
/// itself, so that long double and automatic differentiation stay what they are.
template <typename Scalar>
using Stat = std::conditional_t<std::is_same_v<Param<Scalar>, float>, double, Scalar>;

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
