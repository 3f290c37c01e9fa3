// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "eigen_norm/memory/layout.hpp"

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

/// Elements in memory and how a tensor lies in them.
template <typename Scalar>
struct Buffer {
  Scalar* data = nullptr;
  Layout layout = {};
};

template <typename A, typename B>
bool is_same_place(const Buffer<A>& a, const Buffer<B>& b) {
  return static_cast<const void*>(a.data) == static_cast<const void*>(b.data) &&
         a.layout.shape == b.layout.shape &&
         (a.layout.leading == b.layout.leading || a.layout.span() == b.layout.span());
}

/// True where two buffers have an element in common. Blocks of one matrix may interleave without
/// touching: where the strides are equal, their places within a stride are compared.
template <typename A, typename B>
bool share_elements(const Buffer<A>& a, const Buffer<B>& b) {
  const auto size = static_cast<Index>(sizeof(A));
  const auto begin_a = reinterpret_cast<std::intptr_t>(a.data);
  const auto begin_b = reinterpret_cast<std::intptr_t>(b.data);
  const auto end_a = begin_a + static_cast<std::intptr_t>(a.layout.span() * size);
  const auto end_b = begin_b + static_cast<std::intptr_t>(b.layout.span() * size);
  if (begin_a >= end_b || begin_b >= end_a || begin_a == end_a || begin_b == end_b) return false;

  const Index stride = a.layout.leading;
  const Index distance = static_cast<Index>(begin_b - begin_a);
  const bool comparable = a.layout.shape.rank() == 2 && b.layout.shape.rank() == 2 &&
                          stride == b.layout.leading && stride > 0 && distance % size == 0;
  if (!comparable) return true;
  const int fast = a.layout.row_major ? 1 : 0;
  const Index place = ((distance / size) % stride + stride) % stride;  // of b's lines in a's
  return place < a.layout.shape[fast] || place + b.layout.shape[fast] > stride;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory
