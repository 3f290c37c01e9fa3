// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>

#include "eigen_norm/kernels/simd_memory.hpp"
#include "eigen_norm/memory/shape.hpp"

/// The one file that knows about threads.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Something that can run tasks 0 to n - 1 side by side and wait for them.
class Executor {
 public:
  using Task = void (*)(const void* context, Index index);

  virtual ~Executor() = default;
  virtual void run(Index tasks, Task task, const void* context) const = 0;
};

/// The executor of the calling thread; null: OpenMP where Eigen uses it, else none.
inline const Executor*& current_executor() {
  thread_local const Executor* executor = nullptr;
  return executor;
}

/// True while the calling thread works on a task of parallel_for.
inline bool& inside_a_task() {
  thread_local bool inside = false;
  return inside;
}

/// Below this many elements a second thread costs more than it saves.
inline constexpr Index parallel_threshold = 32768;

/// Calls f(0) ... f(tasks - 1), at the same time where there are threads: exactly when Eigen's own
/// products have them (OpenMP and Eigen::setNbThreads), or in a ParallelScope. Serial for small
/// inputs and inside a parallel region. No result may depend on who runs what; with OpenMP it is
/// the same thread for the same task each time, whose cache may still hold the data.
template <typename F>
void parallel_for(Index tasks, Index elements, const F& f) {
  if (tasks > 1 && elements >= parallel_threshold && !inside_a_task()) {
    if (const Executor* executor = current_executor()) {
      const auto task = [](const void* context, Index index) {
        const bool outside = inside_a_task();
        inside_a_task() = true;
        (*static_cast<const F*>(context))(index);
        finish_streaming();
        inside_a_task() = outside;
      };
      return executor->run(tasks, task, &f);
    }
#ifdef EIGEN_HAS_OPENMP
    const int threads = Eigen::nbThreads();
    if (threads > 1 && omp_in_parallel() == 0) {
#pragma omp parallel for schedule(static) num_threads(threads)
      for (Index task = 0; task < tasks; ++task) {
        f(task);
        finish_streaming();
      }
      return;
    }
#endif
  }
  for (Index task = 0; task < tasks; ++task) f(task);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
