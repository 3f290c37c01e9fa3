// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/memory/collapsed_shape.hpp"

namespace eigen_norm::memory {

/// A buffer with its own strides: x, y, dy or dx of one call.
template <typename Scalar>
struct Operand {
  Scalar* data;
  CollapsedShape shape;

  Scalar* at(Index repeat, Index channel, Index outer = 0) const {
    return data + shape.offset(repeat, channel, outer);
  }

  /// One of its repeats.
  Operand repeat(Index r) const {
    Operand one{data + r * shape.repeat_stride, shape};
    one.shape.repeats = 1;
    one.shape.reversed_repeats = {};
    return one;
  }
};

/// The loop that suits every operand of a call. They have the same extents, but where one of them
/// is a block with gaps, its channels may not be adjacent; `run` and `lane` ask for nothing there.
template <typename... Scalars>
Loop common_loop(const Operand<Scalars>&... operands) {
  const CollapsedShape* decisive = nullptr;
  for (const CollapsedShape* shape : {&operands.shape...}) {
    if (decisive == nullptr || shape->channel_stride != 1) decisive = shape;
  }
  return decisive->loop();
}

/// Makes one long run of each operand where all of them allow it.
template <typename... Scalars>
void merge_runs(Operand<Scalars>&... operands) {
  if ((operands.shape.is_one_run() && ...)) (operands.shape.merge_runs(), ...);
}

}  // namespace eigen_norm::memory
