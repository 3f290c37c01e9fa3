// SPDX-License-Identifier: MIT
#include "eigen_norm/core/checks.hpp"

#include <gtest/gtest.h>

#include "support/errors.hpp"

namespace eigen_norm {
namespace {

using std::invalid_argument;
using test::expect_error;

TEST(CheckEps, AcceptsZeroAndWhatIsPositive) {
  EXPECT_NO_THROW(check_eps("Norm", 0));
  EXPECT_NO_THROW(check_eps("Norm", 1e-300));
  EXPECT_NO_THROW(check_eps("Norm", 10));
}

TEST(CheckEps, RefusesWhatIsNegativeOrNotFinite) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  expect_error<invalid_argument>("Norm: expected eps >= 0 and finite, got -1",
                                 [] { check_eps("Norm", -1); });
  expect_error<invalid_argument>("Norm: expected eps >= 0 and finite, got inf",
                                 [=] { check_eps("Norm", infinity); });
  EXPECT_THROW(check_eps("Norm", std::numeric_limits<double>::quiet_NaN()), invalid_argument);
  EXPECT_THROW(check_eps("Norm", -1e-300), invalid_argument);
}

TEST(CheckSize, AsksForOneAtLeast) {
  EXPECT_NO_THROW(check_size<Eigen::Dynamic>("Norm", "size", 1));
  expect_error<invalid_argument>("Norm: expected size of at least 1, got 0",
                                 [] { check_size<Eigen::Dynamic>("Norm", "size", 0); });
  expect_error<invalid_argument>("Norm: expected size of at least 1, got -7",
                                 [] { check_size<4>("Norm", "size", -7); });
}

TEST(CheckSize, AsksForTheOneFixedAtCompileTime) {
  EXPECT_NO_THROW(check_size<4>("Norm", "size", 4));
  expect_error<invalid_argument>("Norm: expected size 4, fixed at compile time, got 5",
                                 [] { check_size<4>("Norm", "size", 5); });
}

TEST(TransposeHint, IsGivenForAColumnOfTheRightLengthAlone) {
  EXPECT_EQ(transpose_hint({4, 1}, 4),
            "; a column vector is 4 samples of one feature, use .transpose() for one sample");
  EXPECT_EQ(transpose_hint({5, 1}, 4), "");
  EXPECT_EQ(transpose_hint({4, 2}, 4), "");
  EXPECT_EQ(transpose_hint({4, 1, 1}, 4), "");
}

}  // namespace
}  // namespace eigen_norm
