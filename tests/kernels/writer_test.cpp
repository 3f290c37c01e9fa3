// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/writer.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigen_norm::kernels {
namespace {

constexpr Index too_large = Writer<float>::largest_kept / Index{sizeof(float)} + 1;

/// Writes 0, 1, 2, ... to `to`, as the line loops do.
void write_numbers(float* to, Index n, Index size_of_result) {
  const Writer<float> writer(size_of_result);
  const auto step = [&](auto lanes, Index i) {
    float values[lanes.value];
    for (int l = 0; l < lanes.value; ++l) values[l] = static_cast<float>(i + l);
    writer.template write<lanes.value>(to + i, Pack<float, lanes.value>::load(values));
  };
  const Index head = writer.head(to, n);
  for_each_pack<float>(head, step);
  for_each_pack<float>(n, step, head);
}

TEST(Writer, WritesTheSamePastTheCacheFromEveryPlace) {
  for (const Index size : {Index{100}, too_large}) {
    for (Index offset = 0; offset <= 17; ++offset) {
      for (const Index n : {0, 1, 15, 16, 17, 49, 200}) {
        std::vector<float> memory(300, -1.0f);
        write_numbers(memory.data() + offset, n, size);
        for (Index i = 0; i < 300; ++i) {
          const bool inside = i >= offset && i < offset + n;
          ASSERT_EQ(memory[static_cast<std::size_t>(i)],
                    inside ? static_cast<float>(i - offset) : -1.0f);
        }
      }
    }
  }
}

TEST(Writer, AlignsOnlyWhatGoesPastTheCache) {
  const std::vector<float> memory(300);
  for (Index offset = 0; offset <= 17; ++offset) {
    EXPECT_EQ(Writer<float>(100).head(memory.data() + offset, 200), 0);
    const Index head = Writer<float>(too_large).head(memory.data() + offset, 200);
    EXPECT_LT(head, pack_size<float>);
    if (streamed_bytes > 0) {
      const auto place = reinterpret_cast<std::uintptr_t>(memory.data() + offset + head);
      EXPECT_EQ(place % std::uintptr_t{streamed_bytes}, 0u);
    }
  }
}

}  // namespace
}  // namespace eigen_norm::kernels
