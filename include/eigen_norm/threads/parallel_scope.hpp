// SPDX-License-Identifier: MIT
#pragma once

#include <unsupported/Eigen/CXX11/Tensor>

#include "eigen_norm/kernels/parallel.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// While it lives, layers that the calling thread runs work on an Eigen::ThreadPoolDevice:
///
///     Eigen::ThreadPool pool(4);
///     Eigen::ThreadPoolDevice device(&pool, 4);
///     ParallelScope scope(device);
///     norm.forward(x, y);
///
/// Other threads are not concerned. The results are the same bits as without it. (As ever with
/// Eigen, ThreadPoolDevice asks for EIGEN_USE_THREADS before the first include.)
template <typename Device>
class ParallelScope : private kernels::Executor {
 public:
  explicit ParallelScope(const Device& device) : device_(device) {
    kernels::current_executor() = this;
  }
  explicit ParallelScope(const Device&& device) = delete;  // it would be gone
  ~ParallelScope() override { kernels::current_executor() = outside_; }
  ParallelScope(const ParallelScope&) = delete;
  ParallelScope& operator=(const ParallelScope&) = delete;

 private:
  void run(Index tasks, Task task, const void* context) const override {
    if (device_.currentThreadId() >= 0) {  // a thread of the pool itself must not wait for it
      for (Index index = 0; index < tasks; ++index) task(context, index);
      return;
    }
    // Dear enough for Eigen to give every task a thread.
    const Eigen::TensorOpCost cost(0, 0, 1e6);
    device_.parallelFor(tasks, cost, [=](Index begin, Index end) {
      for (Index index = begin; index < end; ++index) task(context, index);
    });
  }

  const Device& device_;
  const kernels::Executor* outside_ = kernels::current_executor();
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
