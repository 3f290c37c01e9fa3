// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>

/// Eigen aligns what it owns, and lays out fixed sizes, by the vector instructions that a file is
/// compiled for: an array made under `-march=x86-64` and freed, or read by vectors, under
/// `-march=x86-64-v3` is a crash at best. So all names of the library lie in inline namespaces that
/// say which alignments they were compiled for. The linker never takes functions of one alignment
/// for those of another, and finds none that takes a layer of another:
///
///     undefined reference to `step(eigen_norm::align_16_16::LayerNorm<float, -1>&)'
///
/// A class that has a layer as a member hides that from the linker. Flags of equal alignment, as
/// AVX beside AVX2, are not told apart: objects pass, and of each inline function one file's is
/// taken, as with any header.
///
/// The numbers are EIGEN_MAX_ALIGN_BYTES, of the heap, and EIGEN_MAX_STATIC_ALIGN_BYTES.
#define EIGEN_NORM_JOIN_TEXT(heap, fixed) align_##heap##_##fixed
#define EIGEN_NORM_JOIN(heap, fixed) EIGEN_NORM_JOIN_TEXT(heap, fixed)
#define EIGEN_NORM_ABI EIGEN_NORM_JOIN(EIGEN_MAX_ALIGN_BYTES, EIGEN_MAX_STATIC_ALIGN_BYTES)
