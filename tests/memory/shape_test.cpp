// SPDX-License-Identifier: MIT
#include "eigen_norm/memory/shape.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace eigen_norm::memory {
namespace {

TEST(Shape, KnowsItsDimensionsAndTheirProducts) {
  const Shape shape{2, 3, 5, 7};
  EXPECT_EQ(shape.rank(), 4);
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(shape[3], 7);
  EXPECT_EQ(shape.size(), 210);
  EXPECT_EQ(shape.product(1, 3), 15);
  EXPECT_EQ(shape.product(2, 2), 1);
  EXPECT_EQ((Shape{4, 0, 2}).size(), 0);
  EXPECT_EQ(Shape().size(), 1);
}

TEST(Shape, IsCountableWhereAnIndexHoldsEveryProduct) {
  const Index half = Index{1} << (sizeof(Index) * 4);  // its square is one too many
  EXPECT_TRUE(Shape().is_countable());
  EXPECT_TRUE((Shape{2, 3, 5}).is_countable());
  EXPECT_TRUE((Shape{half, half / 4, 0}).is_countable());
  EXPECT_FALSE((Shape{half, half / 2}).is_countable());
  const Index most = std::numeric_limits<Index>::max();
  EXPECT_TRUE(Shape{most}.is_countable());
  EXPECT_TRUE((Shape{most / 103, 103}).is_countable());
  EXPECT_FALSE((Shape{most / 103 + 1, 103}).is_countable()) << "too many by less than a rounding";
  EXPECT_FALSE((Shape{half, half, half, half}).is_countable());
  EXPECT_FALSE((Shape{0, half, half}).is_countable()) << "0, but the product of two is too large";
}

TEST(Shape, ReadsAsATuple) {
  EXPECT_EQ((Shape{32, 64, 28, 28}).text(), "(32, 64, 28, 28)");
  EXPECT_EQ((Shape{5}).list(), "5");
  EXPECT_EQ(Shape().text(), "()");
}

TEST(Shape, IsEqualDimensionByDimension) {
  EXPECT_TRUE((Shape{2, 3}) == (Shape{2, 3}));
  EXPECT_TRUE((Shape{2, 3}) != (Shape{3, 2}));
  EXPECT_TRUE((Shape{2, 3}) != (Shape{2, 3, 1}));
  EXPECT_TRUE((Shape{2, 0}) != (Shape{2}));
}

TEST(Shape, GivesAPartOfItself) {
  const Shape shape{2, 3, 5, 7};
  EXPECT_EQ(shape.part(1, 3), (Shape{3, 5}));
  EXPECT_EQ(shape.part(0, 4), shape);
  EXPECT_EQ(shape.part(2, 2), Shape());
}

TEST(Shape, HoldsEightDimensionsAndNoMore) {
  Shape shape{1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(shape.rank(), 8);
  EXPECT_THROW(shape.push_back(9), std::invalid_argument);
  EXPECT_EQ(shape.rank(), 8);
}

}  // namespace
}  // namespace eigen_norm::memory
