// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "eigen_norm/io/copy.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Calls write(address, bytes) with the elements in row-major order without gaps, their bytes as
/// this machine has them, or with `swapped` in the other order. What lies so is not copied.
template <typename Write>
void write_packed(const TensorView& view, bool swapped, const Write& write) {
  if (view.shape.size() == 0) return;
  if (is_packed(view) && !swapped) {
    write(view.data, bytes_of(view));
    return;
  }
  std::vector<char> bytes(bytes_of(view));
  MutableTensorView packed{view};
  packed.strides = packed_strides(view.shape);
  packed.data = bytes.data();
  packed.swapped = swapped;
  copy(view, packed);
  write(bytes.data(), bytes.size());
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
