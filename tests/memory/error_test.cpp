// SPDX-License-Identifier: MIT
#include "eigen_norm/memory/error.hpp"

#include <gtest/gtest.h>

#include "support/errors.hpp"

namespace eigen_norm::memory {
namespace {

TEST(Error, IsInvalidArgumentForBadInput) {
  test::expect_error<std::invalid_argument>("a message", [] { raise_invalid("a message"); });
}

TEST(Error, IsLogicErrorForACallAtTheWrongTime) {
  test::expect_error<std::logic_error>("another", [] { raise_logic("another"); });
}

}  // namespace
}  // namespace eigen_norm::memory
