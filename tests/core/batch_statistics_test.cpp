// SPDX-License-Identifier: MIT
#include "eigen_norm/core/batch_statistics.hpp"

#include <gtest/gtest.h>

namespace eigen_norm {
namespace {

Parameters<double> pair(double a, double b) {
  Parameters<double> result(2);
  result << a, b;
  return result;
}

TEST(BatchStatistics, OfPartsMergeToThoseOfTheWhole) {
  BatchStatistics<double> left{2, pair(1, 10), pair(2, 0)};  // 0 and 2, 10 and 10
  left.merge({1, pair(4, 13), pair(0, 0)});
  EXPECT_EQ(left.count, 3);
  EXPECT_DOUBLE_EQ(left.mean(0), 2);
  EXPECT_DOUBLE_EQ(left.m2(0), 8);
  EXPECT_DOUBLE_EQ(left.mean(1), 11);
  EXPECT_DOUBLE_EQ(left.m2(1), 6);
  EXPECT_DOUBLE_EQ(left.var()(0), 8.0 / 3);
  EXPECT_DOUBLE_EQ(left.unbiased_var()(0), 4);
}

TEST(BatchStatistics, OfNothingChangeNothing) {
  BatchStatistics<double> all, some{2, pair(1, 10), pair(2, 0)};
  all.merge(some);
  all.merge({});
  all.merge({0, pair(7, 7), pair(7, 7)});
  EXPECT_EQ(all.count, 2);
  EXPECT_TRUE((all.mean == some.mean).all() && (all.m2 == some.m2).all());
}

TEST(BatchStatistics, OfEmptyBatchesAloneAreThoseOfAnEmptyBatch) {
  BatchStatistics<double> all;
  all.merge({0, pair(0, 0), pair(0, 0)});
  all.merge({0, pair(0, 0), pair(0, 0)});
  EXPECT_EQ(all.count, 0);
  EXPECT_TRUE((all.mean == pair(0, 0)).all());
}

TEST(BatchStatistics, OfOtherChannelsAreRefused) {
  BatchStatistics<double> some{2, pair(1, 10), pair(2, 0)};
  EXPECT_THROW(some.merge({2, Parameters<double>::Ones(3), Parameters<double>::Ones(3)}),
               std::invalid_argument);
  EXPECT_THROW(some.merge({2, pair(1, 2), Parameters<double>::Ones(3)}), std::invalid_argument);
  EXPECT_THROW(some.merge({2, {}, pair(1, 2)}), std::invalid_argument);
  EXPECT_EQ(some.count, 2);
  BatchStatistics<double> empty{0, pair(0, 0), pair(0, 0)};
  EXPECT_THROW(empty.merge({2, Parameters<double>::Ones(3), Parameters<double>::Ones(3)}),
               std::invalid_argument);
}

TEST(BatchGradients, AddUp) {
  BatchGradients<double> all;
  all.merge({});
  all.merge({pair(1, 2), pair(3, 4)});
  all.merge({pair(10, 20), pair(30, 40)});
  EXPECT_TRUE((all.dgamma == pair(11, 22)).all());
  EXPECT_TRUE((all.dbeta == pair(33, 44)).all());
  EXPECT_THROW(all.merge({Parameters<double>::Ones(3), Parameters<double>::Ones(3)}),
               std::invalid_argument);
  EXPECT_THROW(all.merge({{}, pair(1, 2)}), std::invalid_argument);
}

}  // namespace
}  // namespace eigen_norm
