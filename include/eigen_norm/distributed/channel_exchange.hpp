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

/// What the ranks of a synchronised layer tell each other in one collective: a count, what they
/// speak of, and two numbers by channel. A count of -1 is that of a rank which has thrown an
/// exception.
class ChannelExchange {
 public:
  /// What is exchanged: in words, and as a number among the exchanges of the layer.
  struct Purpose {
    std::string words;
    int kind;
  };

  struct Part {
    Index count;
    const double* first;   ///< by channel
    const double* second;  ///< by channel
  };

  ChannelExchange(const std::shared_ptr<Communicator>& ranks, Index channels)
      : ChannelExchange(ranks, static_cast<std::size_t>(channels), ranks->new_layer()) {}

  /// What is under way is finished by the one that has begun it: a copy has begun nothing.
  ChannelExchange(const ChannelExchange& other)
      : ChannelExchange(other.ranks_, other.channels_, other.layer_) {}
  ChannelExchange(ChannelExchange&&) noexcept = default;
  ChannelExchange& operator=(const ChannelExchange& other) {
    return *this = ChannelExchange(other);
  }
  ChannelExchange& operator=(ChannelExchange&&) noexcept = default;
  ~ChannelExchange() = default;

  Communicator& ranks() const { return *ranks_; }

  /// This rank's numbers, to be written before `start`; they stay as they are.
  double* first() { return message_.data() + 2; }
  double* second() { return first() + channels_; }

  void start(Index count, const Purpose& purpose) {
    if (ranks_ == nullptr) memory::raise_logic(purpose.words + ": the layer was moved away");
    message_[0] = static_cast<double>(count);
    message_[1] = static_cast<double>(2 * layer_ + purpose.kind);
    ticket_ = ranks_->start_all_gather(message_.data(), static_cast<Index>(message_.size()),
                                       purpose.words);
    is_pending_ = true;
    ++started_;
  }
  bool is_pending() const { return is_pending_; }

  /// Throws std::runtime_error where a rank has nothing to give, or speaks of something else: of
  /// another layer, or of the gradients where others speak of the statistics.
  void finish(const Purpose& purpose) {
    is_pending_ = false;
    all_ = ranks_->finish(ticket_);
    check_each(purpose, "another call",
               [&](const double* given) { return given[1] == message_[1]; });
    check_each(purpose, "an error", [](const double* given) { return given[0] >= 0; });
  }

  /// Of a rank whose share is empty.
  void start_nothing(const Purpose& purpose) {
    set_zero();
    start(0, purpose);
  }

  /// Makes a call in which this rank gives something to the others; returns whether it has, which
  /// it has not where its share is empty. Where it throws before, it tells them.
  template <typename Call>
  bool together([[maybe_unused]] const Purpose& purpose, const Call& call) {
    const std::size_t before = started_;
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
    const bool had_begun = is_pending_;  // what this call is to finish
    try {
      call();
    } catch (...) {
      if (started_ == before && !had_begun) refuse(purpose);
      throw;
    }
#else
    call();
#endif
    return started_ > before;
  }

  /// After `finish`, until the next.
  Part part(int rank) const {
    const double* const given = given_by(rank);
    return {static_cast<Index>(given[0]), given + 2, given + 2 + channels_};
  }

 private:
  ChannelExchange(std::shared_ptr<Communicator> ranks, std::size_t channels, Index layer)
      : ranks_(std::move(ranks)), channels_(channels), layer_(layer), message_(2 + 2 * channels) {}

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
  void refuse(const Purpose& purpose) {
    try {
      start(-1, purpose);
      finish(purpose);
    } catch (const std::exception&) {  // the error that led here says more
    }
  }
#endif

  void set_zero() { std::fill(message_.begin(), message_.end(), 0.0); }

  const double* given_by(int rank) const {
    return all_ + static_cast<std::size_t>(rank) * message_.size();
  }

  template <typename IsRight>
  void check_each(const Purpose& purpose, const char* got, const IsRight& is_right) const {
    std::string wrong;
    for (int rank = 0; rank < ranks_->size(); ++rank) {
      if (!is_right(given_by(rank))) wrong += (wrong.empty() ? "" : ", ") + std::to_string(rank);
    }
    if (wrong.empty()) return;
    memory::raise<std::runtime_error>("expected " + purpose.words + " from every rank, got " + got +
                                      " on rank " + wrong);
  }

  std::shared_ptr<Communicator> ranks_;
  std::size_t channels_;
  Index layer_;
  std::vector<double> message_;
  const double* all_ = nullptr;
  int ticket_ = 0;
  bool is_pending_ = false;
  std::size_t started_ = 0;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::distributed
