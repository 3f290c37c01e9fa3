// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <atomic>

#include "eigen_norm/kernels/parallel.hpp"
#include "support/training_step.hpp"

#ifndef EIGEN_HAS_OPENMP
#error "This program is about OpenMP, as Eigen has it."
#endif

namespace eigen_norm {
namespace {

TEST(OpenMP, GivesTheSameBitsForEveryNumberOfThreads) {
  test::for_each_training_step([](const char* name, const auto& step) {
    Eigen::setNbThreads(1);
    const auto alone = step();
    for (const int threads : {2, 3, 4, 7}) {
      Eigen::setNbThreads(threads);
      EXPECT_EQ(step(), alone) << name << ", " << threads << " threads";
    }
  });
}

TEST(OpenMP, IsUsedExactlyWhenEigenUsesIt) {
  for (const int threads : {1, 3}) {
    Eigen::setNbThreads(threads);
    std::atomic<int> team{0};
    kernels::parallel_for(8, kernels::parallel_threshold,
                          [&](Index) { team = omp_get_num_threads(); });
    EXPECT_EQ(team, threads);
  }
}

TEST(OpenMP, LeavesSmallInputsOnTheCallingThread) {
  Eigen::setNbThreads(3);
  kernels::parallel_for(8, kernels::parallel_threshold - 1,
                        [](Index) { EXPECT_EQ(omp_get_num_threads(), 1); });
}

}  // namespace
}  // namespace eigen_norm
