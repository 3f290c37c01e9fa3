// SPDX-License-Identifier: MIT
#define EIGEN_USE_THREADS
#include "eigen_norm/threads/parallel_scope.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "support/training_step.hpp"

namespace eigen_norm {
namespace {

using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

TEST(ParallelScope, GivesTheSameBitsForEveryNumberOfThreads) {
  test::for_each_training_step([](const char* name, const auto& step) {
    const auto alone = step();
    for (const int threads : {1, 2, 3, 4, 7}) {
      Eigen::ThreadPool pool(threads);
      Eigen::ThreadPoolDevice device(&pool, threads);
      const ParallelScope scope(device);
      EXPECT_EQ(step(), alone) << name << ", " << threads << " threads";
    }
  });
}

TEST(ParallelScope, WorksOnThePool) {
  Eigen::ThreadPool pool(2);
  Eigen::ThreadPoolDevice device(&pool, 2);
  const ParallelScope scope(device);
  std::atomic<int> on_the_pool{0};
  kernels::parallel_for(64, kernels::parallel_threshold, [&](Index) {
    on_the_pool += device.currentThreadId() >= 0 ? 1 : 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  EXPECT_GT(on_the_pool, 0);
}

TEST(ParallelScope, OpenedByEveryThreadOfItsPoolDoesNotWaitForItself) {
  Eigen::ThreadPool pool(2);
  Eigen::ThreadPoolDevice device(&pool, 2);
  const Rows x = Rows::Random(512, 256);
  Eigen::Barrier done(8);
  std::atomic<int> right{0};
  for (int task = 0; task < 8; ++task) {
    pool.Schedule([&] {
      const ParallelScope scope(device);
      LayerNorm<float> norm(256);
      right += norm.forward(x).rows() == 512 ? 1 : 0;
      done.Notify();
    });
  }
  done.Wait();
  EXPECT_EQ(right, 8);
}

TEST(ParallelScope, EndsWithItsBlock) {
  Eigen::ThreadPool pool(2);
  Eigen::ThreadPoolDevice device(&pool, 2);
  {
    const ParallelScope scope(device);
    EXPECT_NE(kernels::current_executor(), nullptr);
  }
  EXPECT_EQ(kernels::current_executor(), nullptr);
}

}  // namespace
}  // namespace eigen_norm
