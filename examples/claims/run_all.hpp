// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "nn/progress_bar.hpp"

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
  std::function<Outcome()> train;
};

/// The outcomes in the order of the runs, whatever the number of threads: each takes the next run
/// that nobody has begun. What a run throws is thrown here, once all threads have stopped.
inline std::vector<Outcome> run_all(const std::string& name, const std::vector<Run>& runs,
                                    int threads) {
  std::vector<Outcome> outcomes(runs.size());
  nn::ProgressBar bar("runs", static_cast<nn::Index>(runs.size()), 0);
  nn::Index done = 0;
  std::atomic<std::size_t> next{0};
  std::exception_ptr error;
  std::mutex mutex;  // of bar, done and error
  const auto work = [&] {
    try {
      for (std::size_t k = next++; k < runs.size(); k = next++) {
        outcomes[k] = runs[k].train();
        const std::lock_guard<std::mutex> lock(mutex);
        bar.show(name, ++done);
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      error = std::current_exception();
      next = runs.size();
    }
  };
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();
  bar.clear();
  if (error) std::rethrow_exception(error);
  return outcomes;
}

}  // namespace claims
