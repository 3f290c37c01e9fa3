// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/pack.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigen_norm::kernels {
namespace {

// For every type one element, where Eigen knows no vectors of the processor.
TEST(Pack, IsOneVectorRegisterForFloatsAndOneElementForOtherTypes) {
  struct Number {
    double value;
  };
  EXPECT_EQ(pack_size<float>, pack_size<double> == 1 ? 1 : 2 * pack_size<double>);
  EXPECT_EQ(pack_size<Number>, 1);
}

TEST(Pack, LoadWidensAdjacentElements) {
  const std::vector<float> data{1, 2, 3, 4};
  std::vector<double> wide(2);
  load<double, 2>(data.data() + 1).store(wide.data());
  EXPECT_EQ(wide, (std::vector<double>{2, 3}));
}

TEST(Pack, ComputesLaneByLane) {
  const std::vector<double> data{1, 2, 3, 4};
  const auto a = load<double, 4>(data.data());
  Pack<double, 4> b = (a * a - a) * 0.5 + 1.0;
  b += a;
  std::vector<double> results(4);
  b.store(results.data());
  for (int l = 0; l < 4; ++l) {
    const double x = data[static_cast<std::size_t>(l)];
    EXPECT_EQ(results[static_cast<std::size_t>(l)], (x * x - x) / 2 + 1 + x);
  }
  EXPECT_EQ(a.sum(), 10);
}

TEST(Store, NarrowsAndWritesAsManyAsThereAreLanes) {
  std::vector<float> data(4, -1);
  store<2>(data.data() + 1, Pack<double, 2>(0.5));
  EXPECT_EQ(data, (std::vector<float>{-1, 0.5f, 0.5f, -1}));
}

TEST(LoadAndStore, WidenAndNarrow16BitFloats) {
  const std::vector<Eigen::half> data{Eigen::half(0.5f), Eigen::half(-2.0f)};
  std::vector<Eigen::half> copy(2);
  store<2>(copy.data(), load<float, 2>(data.data()) * 2.0f);
  EXPECT_EQ(static_cast<float>(copy[0]), 1.0f);
  EXPECT_EQ(static_cast<float>(copy[1]), -4.0f);
}

TEST(ForEachPack, VisitsEveryPlaceOnce) {
  for (Index n = 0; n < 70; ++n) {
    std::vector<int> visits(static_cast<std::size_t>(n), 0);
    for_each_pack<float>(n, [&](auto lanes, Index i) {
      for (int l = 0; l < lanes.value; ++l) ++visits[static_cast<std::size_t>(i + l)];
    });
    EXPECT_EQ(visits, std::vector<int>(static_cast<std::size_t>(n), 1));
  }
}

}  // namespace
}  // namespace eigen_norm::kernels
