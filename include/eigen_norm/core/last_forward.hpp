// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/core/parameters.hpp"
#include "eigen_norm/memory/shape.hpp"

namespace eigen_norm {

/// What backward needs of the last forward: its shape, its statistics and where they came from.
/// Never the activations: those stay with the caller.
template <typename S, int Size>
struct LastForward {
  bool exists = false;
  bool own_statistics = true;  ///< computed from x, as opposed to running ones
  memory::Shape shape = {};
  Buffered<S, Size> mean = {};     ///< by statistic
  Buffered<S, Size> inv_std = {};  ///< by statistic

  /// Whether there is something to answer: not before the first forward, nor after being moved
  /// away.
  bool is_answerable() const { return exists && (shape.size() == 0 || mean.view().size() > 0); }

  void begin(const memory::Shape& of_x, bool own) {
    exists = true;
    own_statistics = own;
    shape = of_x;
  }
  void resize(Index statistics) {
    mean.resize(statistics);
    inv_std.resize(statistics);
  }
};

}  // namespace eigen_norm
