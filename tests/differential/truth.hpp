// SPDX-License-Identifier: MIT
#pragma once

#include "differential/peer.hpp"

namespace eigen_norm::test {

// What a step owes by definition, computed in long double.
struct Truth {
  Answer want;
  Answer scale;  // the size that an error of ours is relative to, of each value
  Answer doubt;  // and that of PyTorch's
};

// One step by itself, from these running statistics; the gradients are those of this step alone.
Truth truth_of(const Configuration& configuration, const Affine& affine, Mode mode,
               const Logical& x, const Logical& dy, const Running& before);

// The gradients of both steps.
void add_gradients(Truth& truth, const Truth& earlier);

}  // namespace eigen_norm::test
