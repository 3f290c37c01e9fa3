// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "distributed/shares.hpp"

namespace eigen_norm::test {

// A slower network: no rank has the messages before so much time has gone by since it sent its own.
class Delayed final : public distributed::Communicator {
 public:
  using Clock = std::chrono::steady_clock;

  Delayed(Ranks ranks, Clock::duration delay) : ranks_(std::move(ranks)), delay_(delay) {}

  int rank() const override { return ranks_->rank(); }
  int size() const override { return ranks_->size(); }
  Ticket start_all_gather(const double* mine, Index count, const std::string& purpose) override {
    const Ticket ticket = ranks_->start_all_gather(mine, count, purpose);
    due_[ticket] = Clock::now() + delay_;
    return ticket;
  }
  const double* finish(Ticket ticket) override {
    const double* const all = ranks_->finish(ticket);
    while (Clock::now() < due_[ticket]) {
    }
    return all;
  }

 private:
  Ranks ranks_;
  Clock::duration delay_;
  std::map<Ticket, Clock::time_point> due_;
};

}  // namespace eigen_norm::test
