// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/memory/collapsed_shape.hpp"

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

/// A buffer with its own strides: x, y, dy or dx of one call.
template <typename Scalar>
struct Operand {
  Scalar* data;
  CollapsedShape shape;

  Scalar* at(Index repeat, Index channel, Index outer = 0) const {
    return data + shape.offset(repeat, channel, outer);
  }

  /// Some of its repeats, in the order of memory.
  Operand repeats(Index begin, Index end) const {
    Operand some{data + begin * shape.repeat_stride, shape};
    some.shape.repeats = end - begin;
    some.shape.reversed_repeats = {};
    return some;
  }
  Operand repeat(Index r) const { return repeats(r, r + 1); }

  /// Of its only repeat, the positions o * inner + i from `begin` to `end`, of one o where there is
  /// an i.
  Operand positions(Index begin, Index end) const {
    const Index o = begin / shape.inner;
    Operand some{data + o * shape.outer_stride + begin % shape.inner, shape};
    (shape.inner > 1 ? some.shape.inner : some.shape.outer) = end - begin;
    if (shape.inner > 1) some.shape.outer = 1;
    return some;
  }

  /// Some of its channels, which share one statistic.
  Operand channels(Index begin, Index end) const {
    Operand some{data + begin * shape.channel_stride, shape};
    some.shape.channels = some.shape.group = end - begin;
    return some;
  }
};

/// The loop that suits every operand of a call. They have the same extents, but where one of them
/// is a block with gaps, its channels may not be adjacent; `run` and `lane` ask for nothing there.
template <typename First, typename... Rest>
Loop common_loop(const Operand<First>& first, const Operand<Rest>&... rest) {
  const CollapsedShape* decisive = &first.shape;
  for (const CollapsedShape* shape : {&rest.shape...}) {
    if (shape->channel_stride != 1) decisive = shape;
  }
  return decisive->loop();
}

/// Makes one long run of each operand where all of them allow it.
template <typename... Scalars>
void merge_runs(Operand<Scalars>&... operands) {
  if ((operands.shape.is_one_run() && ...)) (operands.shape.merge_runs(), ...);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory
