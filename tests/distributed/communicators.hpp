// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "distributed/shares.hpp"

// What every communicator promises, checked by each of its ranks.
namespace eigen_norm::test {

// `count` numbers that tell the rank and the collective.
inline std::vector<double> numbers_of(int rank, Index count, double collective) {
  std::vector<double> numbers;
  for (Index i = 0; i < count; ++i) {
    numbers.push_back(collective + rank + 1e-3 * static_cast<double>(i));
  }
  return numbers;
}

inline void expect_gathered(const Ranks& ranks, const double* all, Index count, double collective) {
  for (int rank = 0; rank < ranks->size(); ++rank) {
    const std::vector<double> want = numbers_of(rank, count, collective);
    EXPECT_EQ(std::vector<double>(all + rank * count, all + (rank + 1) * count), want)
        << "of rank " << rank;
  }
}

inline void expect_rank_order(const Ranks& ranks) {
  for (const Index count : {0, 1, 3, 5000}) {
    const std::vector<double> mine = numbers_of(ranks->rank(), count, 100);
    expect_gathered(ranks, ranks->all_gather(mine.data(), count, "a test"), count, 100);
  }
}

// Several collectives may be under way, and be finished in another order than they were started.
inline void expect_any_order_of_finishing(const Ranks& ranks) {
  const Index counts[] = {4, 2, 7};
  distributed::Communicator::Ticket tickets[3];
  for (int k = 0; k < 3; ++k) {
    const std::vector<double> mine = numbers_of(ranks->rank(), counts[k], 100 * k);
    tickets[k] = ranks->start_all_gather(mine.data(), counts[k], "number " + std::to_string(k));
  }
  for (const int k : {1, 2, 0}) {
    expect_gathered(ranks, ranks->finish(tickets[k]), counts[k], 100 * k);
  }
}

// What one rank abandons the others get; places are used again.
inline void expect_abandoned_at_will(const Ranks& ranks) {
  for (int k = 0; k < 50; ++k) {
    const std::vector<double> first = numbers_of(ranks->rank(), 3, 100 * k);
    const std::vector<double> second = numbers_of(ranks->rank(), 3, 100 * k + 50);
    const auto one = ranks->start_all_gather(first.data(), 3, "the first");
    const auto other = ranks->start_all_gather(second.data(), 3, "the second");
    if (k % ranks->size() == ranks->rank()) {
      ranks->abandon(one);
    } else {
      expect_gathered(ranks, ranks->finish(one), 3, 100 * k);
    }
    expect_gathered(ranks, ranks->finish(other), 3, 100 * k + 50);
  }
}

inline void expect_finished_once(const Ranks& ranks) {
  const double mine = 1;
  const auto ticket = ranks->start_all_gather(&mine, 1, "a test");
  ranks->finish(ticket);
  EXPECT_THROW(ranks->finish(ticket), std::logic_error);
  EXPECT_THROW(ranks->finish(-1), std::logic_error);
  ranks->abandon(ticket);  // which is none any more
  ranks->all_gather(&mine, 1, "a test");
}

}  // namespace eigen_norm::test
