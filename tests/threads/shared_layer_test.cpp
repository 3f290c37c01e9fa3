// SPDX-License-Identifier: MIT
#define EIGEN_USE_THREADS
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>
#include <type_traits>
#include <vector>

#include "eigen_norm/threads/parallel_scope.hpp"
#include "support/training_step.hpp"

// One layer that infers in eight threads at once.
namespace eigen_norm::test {
namespace {

constexpr int callers = 8, times = 4;

template <typename Call>
void in_every_caller(const Call& call) {
  std::vector<std::thread> threads;
  for (int i = 0; i < callers; ++i) threads.emplace_back(call);
  for (std::thread& thread : threads) thread.join();
}

// infer(x, conditions...) of every layer, again and again in every thread, in what `scope` opens:
// the bits of one thread alone.
template <typename OpenScope>
void expect_same_bits_in_every_caller(const OpenScope& open_scope) {
  std::atomic<int> inferences{0};
  for_each_layer([&](const char* name, const auto& untrained, auto x, const auto&... conditions) {
    fill(x, 1);
    auto trained = untrained;
    trained.forward(x, conditions...);
    const auto& layer = trained;
    fill(x, 2);
    const auto alone = layer.infer(x, conditions...);
    std::atomic<int> different{0};
    in_every_caller([&] {
      const auto scope = open_scope();
      static_cast<void>(scope);
      std::remove_const_t<decltype(alone)> y = alone;
      for (int i = 0; i < times; ++i) {
        fill(y, i);  // of another run
        layer.infer(x, y, conditions...);
        different += std::equal(y.data(), y.data() + y.size(), alone.data()) ? 0 : 1;
        ++inferences;
      }
    });
    EXPECT_EQ(different, 0) << name;
  });
  std::printf("  %d inferences\n", inferences.load());
  testing::Test::RecordProperty("inferences", inferences);
}

TEST(SharedLayer, InfersFromEightThreadsAtOnce) {
  expect_same_bits_in_every_caller([] { return 0; });
}

TEST(SharedLayer, InfersFromEightThreadsThatShareAPool) {
  Eigen::ThreadPool pool(3);
  const Eigen::ThreadPoolDevice device(&pool, 3);
  expect_same_bits_in_every_caller([&] { return ParallelScope(device); });
}

}  // namespace
}  // namespace eigen_norm::test
