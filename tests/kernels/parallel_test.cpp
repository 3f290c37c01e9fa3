// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/parallel.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace eigen_norm::kernels {
namespace {

/// Runs tasks on as many threads as it is told, as they come.
class Threads : public Executor {
 public:
  explicit Threads(int count) : count_(count), outside_(current_executor()) {
    current_executor() = this;
  }
  ~Threads() override { current_executor() = outside_; }

  void run(Index tasks, Task task, const void* context) const override {
    std::atomic<Index> next{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < count_; ++t) {
      threads.emplace_back([&] {
        for (Index i = next++; i < tasks; i = next++) task(context, i);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

 private:
  int count_;
  const Executor* outside_;
};

TEST(ParallelFor, RunsEveryTaskOnce) {
  for (const int count : {1, 2, 3, 7}) {
    const Threads threads(count);
    std::vector<std::atomic<int>> runs(100);
    parallel_for(100, parallel_threshold, [&](Index i) { ++runs[static_cast<std::size_t>(i)]; });
    for (const auto& run : runs) EXPECT_EQ(run, 1);
  }
}

TEST(ParallelFor, StaysOnTheCallingThreadForSmallInputs) {
  const Threads threads(2);
  std::vector<std::thread::id> ids(10);
  parallel_for(10, parallel_threshold - 1,
               [&](Index i) { ids[static_cast<std::size_t>(i)] = std::this_thread::get_id(); });
  for (const auto& id : ids) EXPECT_EQ(id, std::this_thread::get_id());
}

TEST(ParallelFor, IsSerialInsideATask) {
  const Threads threads(2);
  std::atomic<bool> same{true};
  parallel_for(4, parallel_threshold, [&](Index) {
    const auto mine = std::this_thread::get_id();
    parallel_for(4, parallel_threshold, [&](Index) {
      if (std::this_thread::get_id() != mine) same = false;
    });
  });
  EXPECT_TRUE(same);
  EXPECT_EQ(current_executor(), &threads);
}

}  // namespace
}  // namespace eigen_norm::kernels
