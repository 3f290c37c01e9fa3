// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "eigen_norm/distributed/pending_gather.hpp"
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

  /// What this rank owes the others while a call lasts: where the call ends before it has given
  /// anything, by an exception, they are told.
  class Debt {
   public:
    Debt(ChannelExchange& exchange, const Purpose& purpose)
        : exchange_(exchange), purpose_(purpose) {
      exchange_.owes_ = true;
    }
    ~Debt() {
      if (exchange_.owes_) exchange_.refuse(purpose_);
    }
    Debt(const Debt&) = delete;
    Debt& operator=(const Debt&) = delete;

   private:
    ChannelExchange& exchange_;
    const Purpose& purpose_;
  };

  ChannelExchange(const std::shared_ptr<Communicator>& ranks, Index channels)
      : ranks_(ranks),
        channels_(static_cast<std::size_t>(channels)),
        layer_(ranks->new_layer()),
        message_(2 + 2 * channels_) {}

  Communicator& ranks() const { return *ranks_; }
  Index channels() const { return static_cast<Index>(channels_); }

  /// This rank's numbers, to be written before `start`; they stay as they are.
  double* first() { return message_.data() + 2; }
  double* second() { return first() + channels_; }
  void set_zero() { std::fill_n(first(), 2 * channels_, 0.0); }

  void start(Index count, const Purpose& purpose) {
    if (ranks_ == nullptr) memory::raise_logic(purpose.words + ": the layer was moved away");
    pending_ = gather(count, purpose);
    owes_ = false;
  }
  bool is_pending() const { return static_cast<bool>(pending_); }
  void abandon() { pending_.abandon(); }

  /// Throws std::runtime_error where a rank has nothing to give, or speaks of something else: of
  /// another layer, or of the gradients where others speak of the statistics.
  void finish(const Purpose& purpose) {
    all_ = pending_.finish();
    check_each(purpose, "another call",
               [&](const double* given) { return given[1] == subject(purpose); });
    check_each(purpose, "an error", [](const double* given) { return given[0] >= 0; });
  }

  /// After `finish`, until the next.
  Part part(int rank) const {
    const double* const given = given_by(rank);
    return {static_cast<Index>(given[0]), given + 2, given + 2 + channels_};
  }

 private:
  /// A number of what this layer speaks of.
  double subject(const Purpose& purpose) const {
    return static_cast<double>(2 * layer_ + purpose.kind);
  }

  PendingGather gather(Index count, const Purpose& purpose) {
    message_[0] = static_cast<double>(count);
    message_[1] = subject(purpose);
    return {ranks_, message_.data(), static_cast<Index>(message_.size()), purpose.words};
  }

  /// Waits for the others, who may need this rank to pass on their messages.
  void refuse([[maybe_unused]] const Purpose& purpose) noexcept {
    owes_ = false;
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
    try {
      if (ranks_ != nullptr) gather(-1, purpose).finish();
    } catch (...) {  // the error that led here says more
    }
#endif
  }

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
  PendingGather pending_;
  const double* all_ = nullptr;
  bool owes_ = false;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::distributed
