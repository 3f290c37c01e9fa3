// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "eigen_norm/distributed/communicator.hpp"

namespace eigen_norm::distributed {
inline namespace EIGEN_NORM_ABI {

/// An all-gather that is under way, or none. It is abandoned with its owner; a copy is of none, for
/// what was begun is finished once.
class PendingGather {
 public:
  PendingGather() = default;
  PendingGather(const std::shared_ptr<Communicator>& ranks, const double* mine, Index count,
                const std::string& purpose)
      : ticket_(ranks->start_all_gather(mine, count, purpose)), ranks_(ranks) {}

  PendingGather(const PendingGather&) {}
  PendingGather(PendingGather&&) noexcept = default;  // which leaves the other without ranks
  PendingGather& operator=(const PendingGather& other) {
    if (this != &other) abandon();
    return *this;
  }
  PendingGather& operator=(PendingGather&& other) noexcept {
    if (this == &other) return *this;
    abandon();
    ticket_ = other.ticket_;
    ranks_ = std::move(other.ranks_);
    return *this;
  }
  ~PendingGather() { abandon(); }

  explicit operator bool() const { return ranks_ != nullptr; }

  /// As Communicator::finish; nothing is under way then, by an exception neither.
  const double* finish() { return std::exchange(ranks_, nullptr)->finish(ticket_); }

  void abandon() noexcept {
    if (ranks_ != nullptr) ranks_->abandon(ticket_);
    ranks_ = nullptr;
  }

 private:
  Communicator::Ticket ticket_ = 0;
  std::shared_ptr<Communicator> ranks_;  ///< null where nothing is under way
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::distributed
