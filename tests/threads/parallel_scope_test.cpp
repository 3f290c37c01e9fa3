// SPDX-License-Identifier: MIT
#define EIGEN_USE_THREADS
#include "eigen_norm/threads/parallel_scope.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "eigen_norm/eigen_norm.hpp"

// The same bits for every number of threads, and without any.
namespace eigen_norm {
namespace {

using Images = Eigen::Tensor<float, 4, Eigen::RowMajor>;
using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <typename X>
void fill(X& x, int seed) {
  for (Index i = 0; i < x.size(); ++i) {
    x.data()[i] = static_cast<float>((i * 7919 + seed) % 1009) / 100.0F - 3.0F;
  }
}

/// Everything a training step computes, one number after the other.
template <typename Layer, typename X>
std::vector<float> step(Layer layer, const X& x, const X& dy, int threads) {
  std::optional<Eigen::ThreadPool> pool;
  std::optional<Eigen::ThreadPoolDevice> device;
  std::optional<ParallelScope<Eigen::ThreadPoolDevice>> scope;
  if (threads > 0) {
    pool.emplace(threads);
    device.emplace(&*pool, threads);
    scope.emplace(*device);
  }
  const X y = layer.forward(x), dx = layer.backward(x, dy), z = layer.infer(x);
  std::vector<float> all;
  for (const X* each : {&y, &dx, &z}) {
    all.insert(all.end(), each->data(), each->data() + each->size());
  }
  for (const auto* each : {&layer.gamma_grad(), &layer.beta_grad()}) {
    all.insert(all.end(), each->begin(), each->end());
  }
  return all;
}

template <typename Layer, typename X>
void expect_same_bits(const char* name, const Layer& layer, X x) {
  X dy = x;
  fill(x, 1);
  fill(dy, 2);
  const std::vector<float> alone = step(layer, x, dy, 0);
  for (const int threads : {1, 2, 3, 4, 7}) {
    EXPECT_EQ(step(layer, x, dy, threads), alone) << name << ", " << threads << " threads";
  }
}

TEST(ParallelScope, GivesTheSameBitsForEveryNumberOfThreads) {
  BatchNormOptions batch_last;
  batch_last.channels = ChannelAxis::last;
  GroupNormOptions group_last;
  group_last.channels = ChannelAxis::last;
  expect_same_bits("BatchNorm2d", BatchNorm2d<float>(24), Images(16, 24, 20, 21));
  expect_same_bits("BatchNorm2d, last", BatchNorm2d<float>(24, batch_last), Images(16, 20, 21, 24));
  expect_same_bits("BatchNorm1d", BatchNorm1d<float>(700), Rows(701, 700));
  expect_same_bits("BatchNorm1d, columns", BatchNorm1d<float>(300), Eigen::MatrixXf(997, 300));
  expect_same_bits("LayerNorm", LayerNorm<float>(300), Rows(1501, 300));
  expect_same_bits("LayerNorm, columns", LayerNorm<float>(300), Eigen::MatrixXf(1501, 300));
  expect_same_bits("GroupNorm", GroupNorm<float>(4, 24), Images(16, 24, 20, 21));
  expect_same_bits("GroupNorm, one sample", GroupNorm<float>(8, 64), Images(1, 64, 64, 64));
  expect_same_bits("GroupNorm, last", GroupNorm<float>(4, 24, group_last), Images(16, 20, 21, 24));
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
