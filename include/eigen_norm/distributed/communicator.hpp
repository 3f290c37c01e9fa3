// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>

#include "eigen_norm/memory/shape.hpp"

namespace eigen_norm::distributed {
inline namespace EIGEN_NORM_ABI {

/// A hundred years: a clock's count of nanoseconds overflows beyond three hundred.
inline constexpr std::chrono::milliseconds longest_time_limit = std::chrono::hours(24 * 365 * 100);

/// All that synchronised layers ask of a network: a number of ranks, processes or threads, each of
/// which has a communicator of its own and calls the same collectives in the same order.
///
/// An implementation ends every wait, by a result or by an exception: where a time limit is over,
/// and, if it can tell, where a rank has left or the ranks do not agree on what they are about to
/// do. After an exception from one of these calls a communicator is of no more use, and says so.
class Communicator {
 public:
  using Ticket = Index;

  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  /// Begins to gather `count` doubles from each rank, the same number from all, and returns a
  /// ticket for the result. `mine` is copied. `purpose` is for error messages: "the statistics of
  /// SyncBatchNorm2d(64)".
  virtual Ticket start_all_gather(const double* mine, Index count, const std::string& purpose) = 0;

  /// Waits for the result, once: count * size() doubles in the order of ranks, the same on each.
  /// They stay until the next start_all_gather.
  virtual const double* finish(Ticket ticket) = 0;

  /// In the place of finish, where the result is of no more use: what is held for it can be let go.
  /// Waits for nothing; the other ranks get theirs, if only when this one calls again.
  virtual void abandon(Ticket ticket) noexcept { static_cast<void>(ticket); }

  const double* all_gather(const double* mine, Index count, const std::string& purpose) {
    return finish(start_all_gather(mine, count, purpose));
  }

  /// A number for a layer that is made, the same on every rank: it tells the layer from others of
  /// its size.
  Index new_layer() { return ++layers_; }

 protected:
  Communicator() = default;
  Communicator(const Communicator&) = default;
  Communicator& operator=(const Communicator&) = default;

  static std::string not_under_way(Ticket ticket) {
    return "expected the ticket of an all-gather under way, got " + std::to_string(ticket);
  }

 private:
  Index layers_ = 0;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::distributed
