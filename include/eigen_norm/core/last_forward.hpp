// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/core/parameters.hpp"
#include "eigen_norm/memory/shape.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// What backward needs of the last forward: its shape, its statistics and where they came from.
/// Never the activations: those stay with the caller.
template <typename S, int Size>
struct LastForward {
  bool exists = false;
  bool own_statistics = true;  ///< computed from x, as opposed to running ones
  bool masked = false;         ///< of a part of x's elements
  bool per_sample = false;     ///< scaled and shifted by sample
  bool synchronised = false;   ///< by the statistics of several machines
  memory::Shape shape = {};
  Buffered<S, Size> mean = {};     ///< by statistic
  Buffered<S, Size> inv_std = {};  ///< by statistic

  /// Whether there is something to answer: not before the first forward, nor after being moved
  /// away.
  bool is_answerable() const {
    return exists && (shape.size() == 0 || !is_kept() || inv_std.view().size() > 0);
  }

  void begin(const memory::Shape& of_x, bool own) {
    exists = true;
    own_statistics = own;
    masked = per_sample = synchronised = false;
    shape = of_x;
  }

  /// Room for the statistics; none where the layer has a fixed size and they are more than that.
  void resize(Index statistics) {
    kept_ = Size == Eigen::Dynamic || statistics <= Size;
    mean.resize(kept_ ? statistics : 0);
    inv_std.resize(kept_ ? statistics : 0);
  }
  void reserve(Index statistics) {
    mean.reserve(statistics);
    inv_std.reserve(statistics);
  }
  bool is_kept() const { return Size == Eigen::Dynamic || kept_; }

 private:
  bool kept_ = true;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
