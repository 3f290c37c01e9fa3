// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/writer.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigen_norm::kernels {
namespace {

template <typename Scalar>
constexpr Index too_large = Writer<Scalar>::largest_kept / Index{sizeof(Scalar)} + 1;

/// Writes 0, 1, 2, ... to `to`, as the line loops do.
template <typename Scalar>
void write_numbers(Scalar* to, Index n, Index size_of_result) {
  const Writer<Scalar> writer(size_of_result);
  const auto step = [&](auto lanes, Index i) {
    float values[lanes.value];
    for (int l = 0; l < lanes.value; ++l) values[l] = static_cast<float>(i + l);
    writer.template write<lanes.value>(to + i, Pack<float, lanes.value>::load(values));
  };
  const Index head = writer.head(to, n);
  for_each_pack<float>(head, step);
  for_each_pack<float>(n, step, head);
}

template <typename Scalar>
class WriterOf : public testing::Test {};
using Scalars = testing::Types<float, Eigen::half, Eigen::bfloat16>;
TYPED_TEST_SUITE(WriterOf, Scalars, );  // C++17 wants the comma

TYPED_TEST(WriterOf, WritesTheSamePastTheCacheFromEveryPlace) {
  for (const Index size : {Index{100}, too_large<TypeParam>}) {
    for (Index offset = 0; offset <= 17; ++offset) {
      for (const Index n : {0, 1, 15, 16, 17, 49, 200}) {
        std::vector<TypeParam> memory(300, TypeParam(-1.0f));
        write_numbers(memory.data() + offset, n, size);
        for (Index i = 0; i < 300; ++i) {
          const bool inside = i >= offset && i < offset + n;
          ASSERT_EQ(static_cast<float>(memory[static_cast<std::size_t>(i)]),
                    inside ? static_cast<float>(i - offset) : -1.0f);
        }
      }
    }
  }
}

TYPED_TEST(WriterOf, AlignsOnlyWhatGoesPastTheCache) {
  constexpr int bytes = pack_size<float> * int{sizeof(TypeParam)};
  const std::vector<TypeParam> memory(300);
  for (Index offset = 0; offset <= 17; ++offset) {
    EXPECT_EQ(Writer<TypeParam>(100).head(memory.data() + offset, 200), 0);
    const Writer<TypeParam> writer(too_large<TypeParam>);
    const Index head = writer.head(memory.data() + offset, 200);
    EXPECT_LT(head, pack_size<float>);
    if (can_stream<bytes>) {
      const auto place = reinterpret_cast<std::uintptr_t>(memory.data() + offset + head);
      EXPECT_EQ(place % std::uintptr_t{bytes}, 0u);
    }
  }
}

TEST(Writer, NeverStreamsWhatHasNoVectors) {
  const std::vector<long double> memory(300);
  EXPECT_EQ(Writer<long double>(too_large<long double>).head(memory.data() + 1, 200), 0);
}

}  // namespace
}  // namespace eigen_norm::kernels
