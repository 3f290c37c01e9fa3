// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "eigen_norm/distributed/communicator.hpp"
#include "eigen_norm/memory/error.hpp"

namespace eigen_norm::distributed {
inline namespace EIGEN_NORM_ABI {

/// What the ranks of a synchronised layer tell each other in one collective: a count, and two
/// numbers by channel. A count of -1 is that of a rank which has thrown an exception.
class ChannelExchange {
 public:
  struct Part {
    Index count;
    const double* first;   ///< by channel
    const double* second;  ///< by channel
  };

  ChannelExchange(std::shared_ptr<Communicator> ranks, Index channels)
      : ranks_(std::move(ranks)),
        channels_(static_cast<std::size_t>(channels)),
        message_(1 + 2 * channels_) {}

  /// What is under way is finished by the one that has begun it: a copy has begun nothing.
  ChannelExchange(const ChannelExchange& other)
      : ChannelExchange(other.ranks_, static_cast<Index>(other.channels_)) {}
  ChannelExchange(ChannelExchange&&) noexcept = default;
  ChannelExchange& operator=(const ChannelExchange& other) {
    return *this = ChannelExchange(other);
  }
  ChannelExchange& operator=(ChannelExchange&&) noexcept = default;
  ~ChannelExchange() = default;

  Communicator& ranks() const { return *ranks_; }

  /// This rank's numbers, to be written before `start`; they stay as they are.
  double* first() { return message_.data() + 1; }
  double* second() { return first() + channels_; }
  void set_zero() { std::fill(message_.begin(), message_.end(), 0.0); }

  void start(Index count, const std::string& purpose) {
    message_[0] = static_cast<double>(count);
    ticket_ =
        ranks_->start_all_gather(message_.data(), static_cast<Index>(message_.size()), purpose);
    is_pending_ = true;
    ++started_;
  }
  bool is_pending() const { return is_pending_; }
  std::size_t started() const { return started_; }

  /// Throws std::runtime_error where a rank has nothing to give.
  void finish(const std::string& purpose) {
    is_pending_ = false;
    all_ = ranks_->finish(ticket_);
    std::string refusals;
    for (int rank = 0; rank < ranks_->size(); ++rank) {
      if (part(rank).count >= 0) continue;
      refusals += (refusals.empty() ? "" : ", ") + std::to_string(rank);
    }
    if (refusals.empty()) return;
    memory::raise<std::runtime_error>("expected " + purpose +
                                      " from every rank, got an error on rank " + refusals);
  }

  /// After `finish`, until the next.
  Part part(int rank) const {
    const double* const message = all_ + static_cast<std::size_t>(rank) * message_.size();
    return {static_cast<Index>(message[0]), message + 1, message + 1 + channels_};
  }

 private:
  std::shared_ptr<Communicator> ranks_;
  std::size_t channels_;
  std::vector<double> message_;
  const double* all_ = nullptr;
  int ticket_ = 0;
  bool is_pending_ = false;
  std::size_t started_ = 0;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::distributed
