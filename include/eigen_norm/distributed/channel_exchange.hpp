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
  /// What is exchanged: in words, and as a number among the topics of the layer.
  struct Topic {
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
    /// Throws std::logic_error where the exchange was moved away.
    Debt(ChannelExchange& exchange, const Topic& topic) : exchange_(exchange), topic_(topic) {
      if (exchange_.ranks_ == nullptr) {
        memory::raise_logic("eigen_norm: the synchronised layer was moved away");
      }
      exchange_.owes_ = true;
    }
    ~Debt() {
      if (exchange_.owes_) exchange_.refuse(topic_);
    }
    Debt(const Debt&) = delete;
    Debt& operator=(const Debt&) = delete;

   private:
    ChannelExchange& exchange_;
    const Topic& topic_;
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

  void start(Index count, const Topic& topic) {
    pending_ = gather(count, topic);
    owes_ = false;
  }
  bool is_pending() const { return static_cast<bool>(pending_); }
  void abandon() { pending_.abandon(); }

  /// Throws std::runtime_error where a rank has nothing to give, or speaks of something else: of
  /// another layer, or of the gradients where others speak of the statistics.
  void finish(const Topic& topic) {
    all_ = pending_.finish();
    check_each(topic, "another call",
               [&](const double* given) { return given[1] == number(topic); });
    check_each(topic, "an error", [](const double* given) { return given[0] >= 0; });
  }

  /// After `finish`, until the next.
  Part part(int rank) const {
    const double* const given = given_by(rank);
    return {static_cast<Index>(given[0]), given + 2, given + 2 + channels_};
  }

 private:
  /// Of this layer and topic.
  double number(const Topic& topic) const { return static_cast<double>(2 * layer_ + topic.kind); }

  PendingGather gather(Index count, const Topic& topic) {
    message_[0] = static_cast<double>(count);
    message_[1] = number(topic);
    return {ranks_, message_.data(), static_cast<Index>(message_.size()), topic.words};
  }

  /// Waits for the others, who may need this rank to pass on their messages.
  void refuse([[maybe_unused]] const Topic& topic) noexcept {
    owes_ = false;
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
    try {
      gather(-1, topic).finish();
    } catch (...) {  // the error that led here says more
    }
#endif
  }

  const double* given_by(int rank) const {
    return all_ + static_cast<std::size_t>(rank) * message_.size();
  }

  template <typename IsRight>
  void check_each(const Topic& topic, const char* got, const IsRight& is_right) const {
    std::string wrong;
    for (int rank = 0; rank < ranks_->size(); ++rank) {
      if (!is_right(given_by(rank))) wrong += (wrong.empty() ? "" : ", ") + std::to_string(rank);
    }
    if (wrong.empty()) return;
    memory::raise<std::runtime_error>("expected " + topic.words + " from every rank, got " + got +
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
