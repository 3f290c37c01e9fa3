// SPDX-License-Identifier: MIT
#include "nn/learning_rate.hpp"

#include <gtest/gtest.h>

namespace {

TEST(WarmUpAndCosine, rises_to_the_peak_and_falls_to_zero) {
  EXPECT_EQ(nn::warm_up_and_cosine(2.0, 0.0), 0.0);
  EXPECT_DOUBLE_EQ(nn::warm_up_and_cosine(2.0, 0.05), 1.0);
  EXPECT_DOUBLE_EQ(nn::warm_up_and_cosine(2.0, 0.1), 2.0);
  EXPECT_DOUBLE_EQ(nn::warm_up_and_cosine(2.0, 0.55), 1.0);
  EXPECT_DOUBLE_EQ(nn::warm_up_and_cosine(2.0, 1.0), 0.0);
}

}  // namespace
