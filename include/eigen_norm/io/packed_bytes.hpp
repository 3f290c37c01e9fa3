// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "eigen_norm/io/copy.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// A copy of the elements in row-major order without gaps, their bytes as this machine has them, or
/// with `swapped` in the other order.
inline std::unique_ptr<char[]> packed_bytes(const TensorView& view, bool swapped) {
  std::unique_ptr<char[]> bytes(new char[bytes_of(view)]);
  MutableTensorView packed{view};
  packed.strides = packed_strides(view.shape);
  packed.data = bytes.get();
  packed.swapped = swapped;
  copy(view, packed);
  return bytes;
}

/// Calls write(address, bytes) with those bytes, of which there are some. What lies so is not
/// copied.
template <typename Write>
void write_packed(const TensorView& view, bool swapped, const Write& write) {
  if (view.shape.size() == 0) return;
  if (is_packed(view) && !swapped) {
    write(view.data, bytes_of(view));
    return;
  }
  write(packed_bytes(view, swapped).get(), bytes_of(view));
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
