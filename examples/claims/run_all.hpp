// SPDX-License-Identifier: MIT
#pragma once

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace claims {

/// What one training measured: a number for each column of its study, and, where the study asks for
/// it, the loss on the way. Not a number where the training diverged.
struct Outcome {
  std::vector<double> values;
  std::vector<double> curve;
};

/// One training, which depends on nothing but itself.
struct Run {
  std::string series;  ///< what it belongs to in the picture, as "BatchNorm"
  double x;            ///< what the study varies
  double rate;         ///< learning rate
  std::uint64_t seed;
  double cost;  ///< about how long it takes, in any unit
  std::function<Outcome()> train;
};

/// How much of the cost of all runs is done, on one line of the terminal. Where stderr is no
/// terminal it shows nothing.
class Progress {
 public:
  Progress(std::string name, const std::vector<Run>& runs)
      : name_(std::move(name)), runs_(runs.size()) {
    for (const Run& run : runs) left_ += run.cost;
  }

  void done(const Run& run) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++runs_done_;
    done_ += run.cost;
    left_ -= run.cost;
    if (!on_terminal_) return;
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    std::fprintf(stderr, "\r%-11s  run %zu/%zu  %.0f s  %.0f s left\033[K", name_.c_str(),
                 runs_done_, runs_, seconds, seconds * left_ / done_);
    if (runs_done_ == runs_) std::fprintf(stderr, "\n");
  }

 private:
  const bool on_terminal_ = isatty(STDERR_FILENO) == 1;
  std::mutex mutex_;
  std::string name_;
  std::size_t runs_, runs_done_ = 0;
  double done_ = 0.0, left_ = 0.0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// The outcomes in the order of the runs, whatever the number of threads: each takes the next run
/// that nobody has begun. What a run throws is thrown here, once all threads have stopped.
inline std::vector<Outcome> run_all(const std::string& name, const std::vector<Run>& runs,
                                    int threads) {
  std::vector<Outcome> outcomes(runs.size());
  Progress progress(name, runs);
  std::atomic<std::size_t> next{0};
  std::exception_ptr error;
  std::mutex error_mutex;
  const auto work = [&] {
    try {
      for (std::size_t k = next++; k < runs.size(); k = next++) {
        outcomes[k] = runs[k].train();
        progress.done(runs[k]);
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(error_mutex);
      error = std::current_exception();
      next = runs.size();
    }
  };
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();
  if (error) std::rethrow_exception(error);
  return outcomes;
}

}  // namespace claims
