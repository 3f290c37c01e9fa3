// SPDX-License-Identifier: MIT
#pragma once

#ifndef EIGEN_USE_THREADS
#error "nn/threads.hpp: define EIGEN_USE_THREADS before the first include, for ThreadPoolDevice"
#endif

#include <eigen_norm/threads/parallel_scope.hpp>

#include "nn/parallel_for.hpp"

namespace nn {

/// While it lives, the layers that the calling thread runs work on `count` threads, those of nn/
/// and those of the library alike. The results are the same bits as without it.
class Threads {
 public:
  explicit Threads(int count) : pool_(count), device_(&pool_, count), scope_(device_) {
    current_pool() = &pool_;
  }
  ~Threads() { current_pool() = outside_; }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  Eigen::ThreadPool pool_;
  Eigen::ThreadPoolDevice device_;
  eigen_norm::ParallelScope<Eigen::ThreadPoolDevice> scope_;
  Eigen::ThreadPoolInterface* outside_ = current_pool();
};

}  // namespace nn
