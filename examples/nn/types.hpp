// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <unsupported/Eigen/CXX11/Tensor>

// The shapes that the example layers pass to each other, and one view that fits them all.
namespace nn {

using Eigen::Index;

/// (N, features): one sample per row, a row contiguous.
template <typename Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// (N, channels, height, width), the last index running fastest.
template <typename Scalar>
using Images = Eigen::Tensor<Scalar, 4, Eigen::RowMajor>;

/// (N): the class of each sample, counted from 0.
using Labels = Eigen::ArrayXi;

/// Every element of a matrix, array or tensor in the order in which it lies in memory.
template <typename Dense>
auto flat(Dense& x) {
  return Eigen::Map<Eigen::ArrayX<typename Dense::Scalar>>(x.data(), x.size());
}

template <typename Dense>
auto flat(const Dense& x) {
  return Eigen::Map<const Eigen::ArrayX<typename Dense::Scalar>>(x.data(), x.size());
}

/// A contiguous block of memory seen as a row-major (rows, cols) matrix.
template <typename Scalar>
auto as_matrix(Scalar* data, Index rows, Index cols) {
  return Eigen::Map<Matrix<Scalar>>(data, rows, cols);
}

template <typename Scalar>
auto as_matrix(const Scalar* data, Index rows, Index cols) {
  return Eigen::Map<const Matrix<Scalar>>(data, rows, cols);
}

}  // namespace nn
