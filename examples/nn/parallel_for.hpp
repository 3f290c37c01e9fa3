// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
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
/// over the numbers is kept apart and added in their order. Throws what the first f to fail threw,
/// when all threads are done; numbers not yet taken are left out.
template <typename F>
void parallel_for(Index count, const F& f) {
  std::atomic<Index> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (Index i = next++; i < count; i = next++) {
        f(i);
      }
    } catch (...) {
      if (!failed.exchange(true)) failure = std::current_exception();
      next = count;
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
  if (failure) std::rethrow_exception(failure);
}

}  // namespace nn
