// SPDX-License-Identifier: MIT
#include "distributed/random_calls.hpp"

#include <gtest/gtest.h>

#include "distributed/on_threads.hpp"

namespace eigen_norm::test {
namespace {

TEST(SyncBatchNorm, HoldsThroughRandomCalls) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    on_threads(1 + static_cast<int>(seed % 5),
               [&](const Ranks& ranks) { expect_random_calls(ranks, seed, 20); });
  }
}

}  // namespace
}  // namespace eigen_norm::test
