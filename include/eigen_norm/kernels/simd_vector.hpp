// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <type_traits>

#include "eigen_norm/memory/abi.hpp"

/// The vectors of the compiler, where it has them: their arithmetic is an instruction each, at
/// every level of optimisation. Eigen's fixed-size arrays are as good at -O3, but several times
/// slower below, where their calls are not inlined.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

#if defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 9 && !defined(__INTEL_COMPILER))
inline constexpr bool has_vectors = true;
template <typename Scalar, int Lanes>
struct Vector {
  typedef Scalar type __attribute__((vector_size(Lanes * sizeof(Scalar))));
};
/// to = from, lane by lane.
template <typename From, typename To>
void convert_vector(const From& from, To& to) {
  to = __builtin_convertvector(from, To);
}
#else
inline constexpr bool has_vectors = false;
template <typename Scalar, int Lanes>
struct Vector;
template <typename From, typename To>
void convert_vector(const From& from, To& to);
#endif
template <typename Scalar>
struct Vector<Scalar, 1> {
  using type = Scalar;
};

/// As many adjacent scalars as one vector register holds; 1 for types without vector arithmetic.
template <typename Scalar>
inline constexpr int pack_size = 1;
template <>
inline constexpr int pack_size<float> = has_vectors && (EIGEN_MAX_STATIC_ALIGN_BYTES) >= 16
                                            ? (EIGEN_MAX_STATIC_ALIGN_BYTES) / 4
                                            : 1;
template <>
inline constexpr int pack_size<double> = has_vectors && (EIGEN_MAX_STATIC_ALIGN_BYTES) >= 16
                                             ? (EIGEN_MAX_STATIC_ALIGN_BYTES) / 8
                                             : 1;

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
