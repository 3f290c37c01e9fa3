// SPDX-License-Identifier: MIT
#include "eigen_norm/distributed/thread_ranks.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>

#include "distributed/communicators.hpp"
#include "distributed/on_threads.hpp"
#include "support/errors.hpp"

namespace eigen_norm::test {
namespace {

TEST(ThreadRanks, GatherInTheOrderOfRanks) {
  for (const int ranks : {1, 2, 5}) on_threads(ranks, expect_rank_order);
}

TEST(ThreadRanks, FinishCollectivesInAnyOrder) { on_threads(3, expect_any_order_of_finishing); }

TEST(ThreadRanks, AbandonACollectiveThatOthersFinish) { on_threads(3, expect_abandoned_at_will); }

TEST(ThreadRanks, FinishACollectiveOnce) { on_threads(2, expect_finished_once); }

TEST(ThreadRanks, StopWaitingWhenTheTimeIsOver) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  on_threads(
      3,
      [](const Ranks& ranks) {
        const double mine = 1;
        if (ranks->rank() == 1) {
          std::this_thread::sleep_for(std::chrono::milliseconds(300));
          expect_error<std::runtime_error>(
              "eigen_norm::ThreadRanks: rank 0 has waited 100 ms with the vote for rank 1, 2",
              [&] { ranks->all_gather(&mine, 1, "the vote"); });
        } else if (ranks->rank() == 0) {
          expect_error<std::runtime_error>(
              "eigen_norm::ThreadRanks: rank 0 has waited 100 ms with the vote for rank 1, 2",
              [&] { ranks->all_gather(&mine, 1, "the vote"); });
        } else {
          std::this_thread::sleep_for(std::chrono::milliseconds(300));
        }
      },
      std::chrono::milliseconds(100));
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));
}

TEST(ThreadRanks, NameTheRankThatHasLeft) {
  on_threads(2, [](const Ranks& ranks) {
    const double mine = 1;
    if (ranks->rank() == 1) return;
    expect_error<std::runtime_error>("eigen_norm::ThreadRanks: rank 1 has left before the vote",
                                     [&] { ranks->all_gather(&mine, 1, "the vote"); });
  });
}

TEST(ThreadRanks, RefuseAnotherCollectiveOnOneRank) {
  on_threads(2, [](const Ranks& ranks) {
    const double mine[] = {1, 2};
    // Whichever comes second finds that it differs; the other hears of it.
    try {
      ranks->all_gather(mine, 1 + ranks->rank(), "the vote");
      ADD_FAILURE() << "agreed";
    } catch (const std::runtime_error& error) {
      const std::string message = error.what();
      EXPECT_TRUE(message ==
                      "eigen_norm::ThreadRanks: expected the same collective on every rank, "
                      "got the vote (1 values) on rank 0 and the vote (2 values) on others" ||
                  message ==
                      "eigen_norm::ThreadRanks: expected the same collective on every rank, "
                      "got the vote (2 values) on rank 1 and the vote (1 values) on others")
          << message;
    }
  });
}

TEST(ThreadRanks, WaitForEverWhereThatIsAskedFor) {
  on_threads(2, expect_rank_order, std::chrono::milliseconds::max());
}

TEST(ThreadRanks, AreAtLeastOne) {
  expect_error<std::invalid_argument>("eigen_norm: expected at least 1 rank, got 0",
                                      [] { distributed::thread_ranks(0); });
}

}  // namespace
}  // namespace eigen_norm::test
