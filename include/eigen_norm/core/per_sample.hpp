// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>

#include "eigen_norm/memory/shape.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// A scale and a shift for each sample, in the place of gamma and beta: conditional BatchNorm (de
/// Vries et al. 2017, arXiv:1707.00683), adaptive LayerNorm. Both are (N, C), or (N, D) for a layer
/// over D trailing elements; an empty one counts as 1 or 0. backward adds to their gradients, which
/// `zero_grad` makes as large and clears.
///
///     y(n, c, ...) = xhat(n, c, ...) * scale(n, c) + shift(n, c)
template <typename P>
struct PerSample {
  using Table = Eigen::Array<P, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  Table scale, shift;
  Table scale_grad = {}, shift_grad = {};

  /// Adds the sums behind the gradients of one sample.
  template <typename S>
  void accumulate(Index sample, const S* dscale, const S* dshift) {
    add(dscale, sample, scale_grad);
    add(dshift, sample, shift_grad);
  }

  void zero_grad() {
    scale_grad.setZero(scale.rows(), scale.cols());
    shift_grad.setZero(shift.rows(), shift.cols());
  }

  /// Row `sample` of a table, or null where it is empty.
  static const P* row(const Table& table, Index sample) {
    return table.size() == 0 ? nullptr : table.data() + sample * table.cols();
  }

 private:
  template <typename S>
  static void add(const S* sums, Index sample, Table& gradient) {
    for (Index c = 0; c < gradient.cols(); ++c) {
      gradient(sample, c) = static_cast<P>(S(gradient(sample, c)) + sums[c]);
    }
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
