// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <unsupported/Eigen/CXX11/ThreadPool>

#include "nn/types.hpp"

namespace nn {

/// The threads that help the calling thread: none, until it makes a nn::Threads.
inline Eigen::ThreadPoolInterface*& current_pool() {
  thread_local Eigen::ThreadPoolInterface* pool = nullptr;
  return pool;
}

/// Calls f(0) ... f(count - 1), the calling thread and its helpers side by side, each taking the
/// next number when it is done with one. No result may depend on who takes which: what is summed
/// over the numbers is kept apart and added in their order.
template <typename F>
void parallel_for(Index count, const F& f) {
  std::atomic<Index> next{0};
  const auto work = [&] {
    for (Index i = next++; i < count; i = next++) {
      f(i);
    }
  };
  const Index threads = current_pool() == nullptr ? 1 : current_pool()->NumThreads();
  const Index helpers = std::max<Index>(0, std::min(threads, count) - 1);
  Eigen::Barrier done(static_cast<unsigned>(helpers));
  for (Index helper = 0; helper < helpers; ++helper) {
    current_pool()->Schedule([&] {
      work();
      done.Notify();
    });
  }
  work();
  done.Wait();
}

}  // namespace nn
