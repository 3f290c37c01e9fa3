// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/simd_memory.hpp"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

namespace eigen_norm::kernels {
namespace {

template <int Bytes>
void expect_stream() {
  if (!can_stream<Bytes>) return;
  alignas(64) std::array<unsigned char, 192> to{};
  std::array<unsigned char, 64> from;
  std::iota(from.begin(), from.end(), static_cast<unsigned char>(1));
  stream<Bytes>(to.data() + 64, from.data());
  finish_streaming();
  for (std::size_t i = 0; i < to.size(); ++i) {
    const bool inside = i >= 64 && i < 64 + std::size_t{Bytes};
    EXPECT_EQ(to[i], inside ? from[i - 64] : 0) << Bytes << " bytes";
  }
}

TEST(Stream, MovesItsBytesAndNoMore) {
  expect_stream<16>();
  expect_stream<32>();
  expect_stream<64>();
}

}  // namespace
}  // namespace eigen_norm::kernels
