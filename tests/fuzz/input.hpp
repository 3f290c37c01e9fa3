// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "support/logical.hpp"

namespace eigen_norm::test::fuzz {

// The bytes that a fuzzer proposes, read as decisions. Where they have run out, all are zero.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : next_(data), end_(data + size) {}

  std::uint8_t byte() { return next_ == end_ ? std::uint8_t{0} : *next_++; }
  bool flag() { return byte() % 2 == 1; }
  bool one_in(int n) { return byte() % n == n - 1; }

  // low <= result <= high, of at most 256 numbers.
  Index between(Index low, Index high) { return low + byte() % (high - low + 1); }

  template <typename T>
  T pick(std::initializer_list<T> list) {
    return list.begin()[byte() % list.size()];
  }

  // A dimension of 1 to `most`: small, or at the edge of a vector, tile or chunk of the kernels.
  Index size(Index most) {
    const std::uint8_t choice = byte();
    if (choice < 160) return std::min<Index>(most, 1 + choice % 12);
    static constexpr Index edges[] = {15,  16,  17,  31,  32,  33,  49,   63,   64,   65,
                                      127, 129, 255, 511, 512, 513, 1023, 1025, 2047, 2049};
    return std::min(most, edges[choice % std::size(edges)]);
  }

  // A shape of at most `most` elements; now and then one without any.
  Dims dims(Index rank, Index most) {
    Dims dims;
    for (Index axis = 0; axis < rank; ++axis) {
      dims.push_back(size(std::max<Index>(1, most)));
      most /= dims.back();
    }
    const std::uint8_t empty = byte();
    if (empty >= 250 && rank > 0) dims[empty % dims.size()] = 0;
    return dims;
  }

 private:
  const std::uint8_t* next_;
  const std::uint8_t* end_;
};

}  // namespace eigen_norm::test::fuzz
