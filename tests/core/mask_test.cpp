// SPDX-License-Identifier: MIT
#include "eigen_norm/core/mask.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <string>
#include <unsupported/Eigen/CXX11/Tensor>
#include <vector>

#include "support/errors.hpp"

namespace eigen_norm {
namespace {

struct Stretch {
  Index begin, end;
  bool valid;
  friend bool operator==(const Stretch& a, const Stretch& b) {
    return a.begin == b.begin && a.end == b.end && a.valid == b.valid;
  }
};

std::vector<Stretch> stretches(const Mask& mask, Index begin, Index end) {
  std::vector<Stretch> result;
  mask.for_each_span(begin, end, [&](Index b, Index e, bool valid) {
    result.push_back({b, e, valid});
  });
  return result;
}

Eigen::Array<bool, 1, 8> places() {
  Eigen::Array<bool, 1, 8> valid;
  valid << false, true, true, false, false, true, false, true;
  return valid;
}

TEST(Mask, IsReadAsStretchesThatAreAlike) {
  const Mask mask(places());
  EXPECT_EQ(mask.shape(), memory::Shape{8});
  const std::vector<Stretch> all = {{0, 1, false}, {1, 3, true},  {3, 5, false},
                                    {5, 6, true},  {6, 7, false}, {7, 8, true}};
  EXPECT_EQ(stretches(mask, 0, 8), all);
  EXPECT_EQ(mask.count(0, 8), 4);
}

TEST(Mask, IsReadFromAnyPlaceToAnyOther) {
  const Mask mask(places());
  for (Index begin = 0; begin <= 8; ++begin) {
    for (Index end = begin; end <= 8; ++end) {
      Index next = begin;
      for (const Stretch& s : stretches(mask, begin, end)) {
        EXPECT_EQ(s.begin, next);
        EXPECT_LT(s.begin, s.end);
        for (Index i = s.begin; i < s.end; ++i) EXPECT_EQ(places()(i), s.valid) << i;
        next = s.end;
      }
      EXPECT_EQ(next, end);
      EXPECT_EQ(mask.count(begin, end), places().segment(begin, end - begin).count());
    }
  }
}

TEST(Mask, IsOfAnyStorageOrderAndScalar) {
  Eigen::Tensor<bool, 2, Eigen::RowMajor> rows(2, 3);
  rows.setValues({{true, false, true}, {true, true, false}});
  Eigen::Tensor<float, 2> columns(2, 3);
  columns.setValues({{0.5F, 0, -2}, {1, 3, 0}});
  const Eigen::ArrayXXi numbers = (Eigen::ArrayXXi(2, 3) << 5, 0, -1, 2, 7, 0).finished();
  for (const Mask& mask :
       {Mask(rows), Mask(columns), Mask(columns != 0.0F), Mask(numbers), Mask(numbers != 0)}) {
    EXPECT_EQ(mask.shape(), (memory::Shape{2, 3}));
    EXPECT_EQ(stretches(mask, 0, 6), stretches(Mask(rows), 0, 6));
    EXPECT_EQ(mask.count(0, 3), 2);
  }
}

TEST(Mask, OfMorePlacesThanAnIndexCountsIsRefused) {
  const Index most = std::numeric_limits<Index>::max();
  test::expect_error<std::invalid_argument>(
      "Mask: expected a shape of a size within Index, got (2, " + std::to_string(most) + ")", [&] {
        Mask::of_lengths({1, 1}, most);
      });
  const Eigen::TensorMap<const Eigen::Tensor<bool, 3>> endless(nullptr, most, most, 0);
  EXPECT_THROW(Mask{endless}, std::invalid_argument);
}

TEST(Mask, OfLengthsCountsTheBeginningOfEachSequence) {
  const Mask mask = Mask::of_lengths({4, 0, 3}, 4);
  EXPECT_EQ(mask.shape(), (memory::Shape{3, 4}));
  EXPECT_EQ(mask.count(0, 4), 4);
  EXPECT_EQ(mask.count(4, 8), 0);
  EXPECT_EQ(stretches(mask, 8, 12), (std::vector<Stretch>{{8, 11, true}, {11, 12, false}}));
  EXPECT_EQ(Mask::of_lengths({2, 2}, 2).count(0, 4), 4);
  EXPECT_THROW(Mask::of_lengths({-1}, 4), std::invalid_argument);
  EXPECT_THROW(Mask::of_lengths({5}, 4), std::invalid_argument);
}

}  // namespace
}  // namespace eigen_norm
