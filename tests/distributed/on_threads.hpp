// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "eigen_norm/distributed/thread_ranks.hpp"

namespace eigen_norm::test {

// run(communicator) on as many threads as there are ranks; each communicator ends with its thread.
template <typename Run>
void on_threads(int ranks, const Run& run,
                std::chrono::milliseconds time_limit = std::chrono::seconds(20)) {
  std::vector<std::thread> threads;
  for (auto& communicator : distributed::thread_ranks(ranks, time_limit)) {
    threads.emplace_back([&run, mine = std::move(communicator)] { run(mine); });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace eigen_norm::test
