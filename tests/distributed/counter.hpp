// SPDX-License-Identifier: MIT
#pragma once

#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "distributed/shares.hpp"

namespace eigen_norm::test {

// Counts what passes through it.
class Counter final : public distributed::Communicator {
 public:
  explicit Counter(Ranks ranks) : ranks_(std::move(ranks)) {}

  int rank() const override { return ranks_->rank(); }
  int size() const override { return ranks_->size(); }
  Ticket start_all_gather(const double* mine, Index count, const std::string& purpose) override {
    counts.push_back(count);
    return ranks_->start_all_gather(mine, count, purpose);
  }
  const double* finish(Ticket ticket) override { return ranks_->finish(ticket); }
  void abandon(Ticket ticket) noexcept override {
    ++abandoned;
    ranks_->abandon(ticket);
  }

  Index bytes() const { return 8 * std::accumulate(counts.begin(), counts.end(), Index{0}); }

  std::vector<Index> counts;  // doubles given, by collective
  int abandoned = 0;

 private:
  Ranks ranks_;
};

}  // namespace eigen_norm::test
