// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "nn/types.hpp"

namespace nn {

/// x(k) becomes exp(x(k)) / sum_j exp(x(j)), in place: pass a vector or a view of one, as
/// `softmax(scores.row(i))`. The largest is subtracted first, so that exp cannot overflow.
template <typename Vector>
void softmax(Vector&& x) {
  x = (x.array() - x.maxCoeff()).exp().matrix().eval();
  x /= x.sum();
}

}  // namespace nn
