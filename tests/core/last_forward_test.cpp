// SPDX-License-Identifier: MIT
#include "eigen_norm/core/last_forward.hpp"

#include <gtest/gtest.h>

namespace eigen_norm {
namespace {

TEST(LastForward, DoesNotExistAtFirst) {
  const LastForward<double, Eigen::Dynamic> last;
  EXPECT_FALSE(last.exists);
  EXPECT_EQ(last.mean.view().size() + last.inv_std.view().size(), 0);
}

TEST(LastForward, KeepsShapeModeAndStatistics) {
  LastForward<double, Eigen::Dynamic> last;
  last.begin({4, 3}, false);
  last.resize(3);
  last.mean.data()[2] = 5;
  EXPECT_TRUE(last.exists);
  EXPECT_FALSE(last.own_statistics);
  EXPECT_EQ(last.shape, (memory::Shape{4, 3}));
  EXPECT_EQ(last.mean.view().size(), 3);
  EXPECT_EQ(last.inv_std.view().size(), 3);
  const LastForward<double, Eigen::Dynamic> copy = last;
  last.mean.data()[2] = 6;
  EXPECT_EQ(copy.mean.view()[2], 5);
}

}  // namespace
}  // namespace eigen_norm
