// SPDX-License-Identifier: MIT
#pragma once

// MPI's own C++ classes are no part of the standard any more, and full of warnings.
#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX
#endif
#ifndef MPICH_SKIP_MPICXX
#define MPICH_SKIP_MPICXX
#endif
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "eigen_norm/distributed/communicator.hpp"
#include "eigen_norm/memory/error.hpp"

namespace eigen_norm::mpi {
inline namespace EIGEN_NORM_ABI {

/// The ranks of an MPI communicator, for SyncBatchNorm:
///
///     MPI_Init(&argc, &argv);
///     auto ranks = std::make_shared<mpi::Communicator>(MPI_COMM_WORLD);
///
/// It works on a duplicate, so that no message meets those of the program. MPI_Init comes before
/// and MPI_Finalize after; a thread other than the main one needs MPI_THREAD_SERIALIZED or more.
///
/// A wait of more than `time_limit` for the other ranks ends in a std::runtime_error that says with
/// what; so does every error that MPI reports. The program had better end by MPI_Abort then: MPI
/// does not take back what was begun. The end of the communicator waits as long, but says nothing,
/// where something was abandoned and a rank has not come to it yet.
class Communicator final : public distributed::Communicator {
 public:
  /// A collective call on all ranks of `ranks`.
  explicit Communicator(MPI_Comm ranks = MPI_COMM_WORLD,
                        std::chrono::milliseconds time_limit = std::chrono::minutes(5))
      : time_limit_(time_limit) {
    check(MPI_Comm_dup(ranks, &ranks_), "MPI_Comm_dup");
    MPI_Comm_set_errhandler(ranks_, MPI_ERRORS_RETURN);
    MPI_Comm_rank(ranks_, &rank_);
    MPI_Comm_size(ranks_, &size_);
  }
  ~Communicator() override {
    int is_finalized = 0;
    MPI_Finalized(&is_finalized);
    if (is_finalized != 0) return;
    // Ranks pass on each other's messages, if only while they call MPI: this one is needed until
    // what was abandoned is complete. If the time is over, a late rank may still send what is
    // written here.
    bool is_in_order = failure_.empty();
    for (auto& gather : gathers_) {
      int is_complete = 0;
      if (is_in_order) static_cast<void>(wait(*gather, is_complete));
      is_in_order = is_in_order && is_complete != 0;
      if (!is_in_order) static_cast<void>(gather.release());
    }
    if (is_in_order) MPI_Comm_free(&ranks_);
  }
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  Ticket start_all_gather(const double* mine, Index count, const std::string& purpose) override {
    check_usable();
    if (count > std::numeric_limits<int>::max()) {
      memory::raise_invalid(
          "eigen_norm::mpi: expected at most 2147483647 doubles from a rank, got " +
          std::to_string(count));
    }
    const std::size_t ticket = free_slot();
    Gather& gather = *gathers_[ticket];
    const auto numbers = static_cast<std::size_t>(count);
    gather.mine.assign(mine, mine + numbers);
    gather.all.resize(numbers * static_cast<std::size_t>(size_));
    gather.purpose = purpose;
    check(MPI_Iallgather(gather.mine.data(), static_cast<int>(count), MPI_DOUBLE, gather.all.data(),
                         static_cast<int>(count), MPI_DOUBLE, ranks_, &gather.request),
          purpose);
    gather.is_awaited = true;
    return static_cast<Ticket>(ticket);
  }

  const double* finish(Ticket ticket) override {
    check_usable();
    if (!is_awaited(ticket)) memory::raise_logic("eigen_norm::mpi: " + not_under_way(ticket));
    Gather& gather = *gathers_[static_cast<std::size_t>(ticket)];
    int is_complete = 0;
    check(wait(gather, is_complete), gather.purpose);
    if (is_complete == 0) {
      fail("has waited " + std::to_string(time_limit_.count()) + " ms for the others with " +
           gather.purpose);
    }
    gather.is_awaited = false;
    std::swap(gather.all, result_);
    return result_.data();
  }

  /// MPI still writes the result; its place is used again when that is done.
  void abandon(Ticket ticket) noexcept override {
    if (is_awaited(ticket)) gathers_[static_cast<std::size_t>(ticket)]->is_awaited = false;
  }

 private:
  struct Gather {
    std::vector<double> mine, all;
    std::string purpose;
    MPI_Request request = MPI_REQUEST_NULL;
    bool is_awaited = false;  ///< its ticket is still good for something
  };

  /// Until MPI has done with it, has an error to return, or the time is over.
  int wait(Gather& gather, int& is_complete) const {
    const auto deadline =
        std::chrono::steady_clock::now() + std::min(time_limit_, distributed::longest_time_limit);
    for (;;) {
      const int result = MPI_Test(&gather.request, &is_complete, MPI_STATUS_IGNORE);
      if (result != MPI_SUCCESS || is_complete != 0) return result;
      if (std::chrono::steady_clock::now() > deadline) return result;
      std::this_thread::yield();  // there may be more ranks than cores
    }
  }

  bool is_awaited(Ticket ticket) const {
    return ticket >= 0 && static_cast<std::size_t>(ticket) < gathers_.size() &&
           gathers_[static_cast<std::size_t>(ticket)]->is_awaited;
  }

  std::size_t free_slot() {
    const auto is_free = [](const auto& gather) {
      int is_complete = 0;
      return !gather->is_awaited &&
             MPI_Test(&gather->request, &is_complete, MPI_STATUS_IGNORE) == MPI_SUCCESS &&
             is_complete != 0;
    };
    const auto found = std::find_if(gathers_.begin(), gathers_.end(), is_free);
    const auto slot = static_cast<std::size_t>(found - gathers_.begin());
    if (found == gathers_.end()) gathers_.push_back(std::make_unique<Gather>());
    return slot;
  }

  void check(int result, const std::string& call) {
    if (result == MPI_SUCCESS) return;
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    MPI_Error_string(result, text, &length);
    fail("got \"" + std::string(text, static_cast<std::size_t>(length)) + "\" from " + call);
  }
  [[noreturn]] void fail(const std::string& reason) {
    failure_ = "eigen_norm::mpi: rank " + std::to_string(rank_) + " of " + std::to_string(size_) +
               ' ' + reason;
    memory::raise<std::runtime_error>(failure_);
  }
  void check_usable() const {
    if (!failure_.empty()) memory::raise<std::runtime_error>(failure_);
  }

  MPI_Comm ranks_ = MPI_COMM_NULL;
  std::chrono::milliseconds time_limit_;
  int rank_ = 0, size_ = 1;
  std::vector<std::unique_ptr<Gather>> gathers_;
  std::vector<double> result_;
  std::string failure_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::mpi
