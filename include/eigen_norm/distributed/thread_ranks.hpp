// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "eigen_norm/distributed/communicator.hpp"
#include "eigen_norm/memory/error.hpp"

namespace eigen_norm::distributed {
inline namespace EIGEN_NORM_ABI {

/// Ranks that are threads of one process, for tests and for training on the cores of one machine:
///
///     auto ranks = thread_ranks(4);    // one shared_ptr<Communicator> for each thread
///
/// A rank whose communicator is destroyed has left: whoever waits for it gets an exception at once.
class ThreadRanks {
 public:
  using Clock = std::chrono::steady_clock;

  ThreadRanks(int size, std::chrono::milliseconds time_limit)
      : size_(static_cast<std::size_t>(size)), time_limit_(time_limit), has_left_(size_, false) {}

  std::size_t size() const { return size_; }

  /// The values of one rank for the collective of that number, counted on each rank from 0.
  void give(std::size_t rank, std::size_t number, const double* mine, std::size_t count,
            const std::string& purpose) {
    const std::lock_guard<std::mutex> lock(mutex_);
    check();
    Collective& collective = collectives_[number];
    if (collective.given.empty()) {
      collective = {purpose, count, std::vector<double>(count * size_),
                    std::vector<bool>(size_, false), 0};
    }
    if (collective.count != count) {
      fail("expected the same collective on every rank, got " + describe(purpose, count) +
           " on rank " + std::to_string(rank) + " and " +
           describe(collective.purpose, collective.count) + " on others");
    }
    std::copy_n(mine, count, collective.values.begin() + static_cast<std::ptrdiff_t>(rank * count));
    collective.given[rank] = true;
    changed_.notify_all();
  }

  /// Waits for the values of all and copies them to `all`.
  void take(std::size_t rank, std::size_t number, std::vector<double>& all) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto deadline = Clock::now() + std::min(time_limit_, longest_time_limit);
    for (;;) {
      const Collective& collective = collectives_.at(number);
      const std::vector<std::size_t> missing = missing_of(collective);
      if (missing.empty()) {  // whatever has gone wrong since
        all = collective.values;
        return drop(number);
      }
      check();
      for (const std::size_t other : missing) {
        if (!has_left_[other]) continue;
        fail("rank " + std::to_string(other) + " has left before " + collective.purpose);
      }
      if (changed_.wait_until(lock, deadline) == std::cv_status::no_timeout) continue;
      if (Clock::now() < deadline || missing_of(collective).empty()) continue;
      fail("rank " + std::to_string(rank) + " has waited " + std::to_string(time_limit_.count()) +
           " ms with " + collective.purpose + " for rank " + list(missing));
    }
  }

  /// In the place of take.
  void abandon(std::size_t number) {
    const std::lock_guard<std::mutex> lock(mutex_);
    drop(number);
  }

  void leave(std::size_t rank) {
    const std::lock_guard<std::mutex> lock(mutex_);
    has_left_[rank] = true;
    changed_.notify_all();
  }

 private:
  struct Collective {
    std::string purpose;
    std::size_t count = 0;
    std::vector<double> values;
    std::vector<bool> given;
    std::size_t dropped = 0;  // ranks that need it no more
  };

  static std::string describe(const std::string& purpose, std::size_t count) {
    return purpose + " (" + std::to_string(count) + " values)";
  }
  static std::string list(const std::vector<std::size_t>& ranks) {
    std::string text;
    for (const std::size_t rank : ranks) text += (text.empty() ? "" : ", ") + std::to_string(rank);
    return text;
  }

  std::vector<std::size_t> missing_of(const Collective& collective) const {
    std::vector<std::size_t> missing;
    for (std::size_t rank = 0; rank < size_; ++rank) {
      if (!collective.given[rank]) missing.push_back(rank);
    }
    return missing;
  }

  /// With the last of the ranks, each of which has given its values before.
  void drop(std::size_t number) {
    if (++collectives_.at(number).dropped == size_) collectives_.erase(number);
  }

  /// For this rank, and for every other that waits or comes later.
  [[noreturn]] void fail(const std::string& reason) {
    failure_ = "eigen_norm::ThreadRanks: " + reason;
    changed_.notify_all();
    memory::raise<std::runtime_error>(failure_);
  }
  void check() const {
    if (!failure_.empty()) memory::raise<std::runtime_error>(failure_);
  }

  std::size_t size_;
  std::chrono::milliseconds time_limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::size_t, Collective> collectives_;
  std::vector<bool> has_left_;
  std::string failure_;
};

/// One thread's part of ThreadRanks.
class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<ThreadRanks> ranks, int rank)
      : ranks_(std::move(ranks)), rank_(static_cast<std::size_t>(rank)) {}
  ~ThreadCommunicator() override { ranks_->leave(rank_); }
  ThreadCommunicator(const ThreadCommunicator&) = delete;
  ThreadCommunicator& operator=(const ThreadCommunicator&) = delete;

  int rank() const override { return static_cast<int>(rank_); }
  int size() const override { return static_cast<int>(ranks_->size()); }

  Ticket start_all_gather(const double* mine, Index count, const std::string& purpose) override {
    // Where there is no memory, nothing has been given yet; finish takes none.
    under_way_.reserve(under_way_.size() + 1);
    all_.reserve(static_cast<std::size_t>(count) * ranks_->size());
    ranks_->give(rank_, next_, mine, static_cast<std::size_t>(count), purpose);
    under_way_.push_back(next_);
    return static_cast<Ticket>(next_++);
  }
  const double* finish(Ticket ticket) override {
    if (!take_back(ticket))
      memory::raise_logic("eigen_norm::ThreadRanks: " + not_under_way(ticket));
    ranks_->take(rank_, static_cast<std::size_t>(ticket), all_);
    return all_.data();
  }
  void abandon(Ticket ticket) noexcept override {
    if (take_back(ticket)) ranks_->abandon(static_cast<std::size_t>(ticket));
  }

 private:
  /// Whether it was under way, which it is no more.
  bool take_back(Ticket ticket) {
    const auto found =
        std::find(under_way_.begin(), under_way_.end(), static_cast<std::size_t>(ticket));
    if (found == under_way_.end()) return false;
    under_way_.erase(found);
    return true;
  }

  std::shared_ptr<ThreadRanks> ranks_;
  std::size_t rank_;
  std::size_t next_ = 0;
  std::vector<std::size_t> under_way_;
  std::vector<double> all_;
};

/// The communicators of `size` threads. Every wait ends after `time_limit`.
inline std::vector<std::shared_ptr<Communicator>> thread_ranks(
    int size, std::chrono::milliseconds time_limit = std::chrono::minutes(1)) {
  if (size < 1) {
    memory::raise_invalid("eigen_norm: expected at least 1 rank, got " + std::to_string(size));
  }
  const auto shared = std::make_shared<ThreadRanks>(size, time_limit);
  std::vector<std::shared_ptr<Communicator>> result;
  result.reserve(shared->size());
  for (int rank = 0; rank < size; ++rank) {
    result.push_back(std::make_shared<ThreadCommunicator>(shared, rank));
  }
  return result;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::distributed
