// SPDX-License-Identifier: MIT
#define EIGEN_USE_THREADS
#include "nn/threads.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <eigen_norm/eigen_norm.hpp>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#include "checks.hpp"
#include "nn/chain.hpp"
#include "nn/conv2d.hpp"
#include "nn/pooling.hpp"

namespace {

using nn::Index;

TEST(ParallelFor, calls_every_number_once) {
  for (const int count : {1, 2, 5}) {
    const nn::Threads threads(count);
    for (const Index numbers : {0, 1, 2, 100}) {
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(numbers));
      nn::parallel_for(numbers, [&](Index i) { ++calls[static_cast<std::size_t>(i)]; });
      for (const auto& one : calls) EXPECT_EQ(one, 1);
    }
  }
}

TEST(ParallelFor, throws_what_a_call_throws_on_whatever_thread) {
  const nn::Threads threads(3);
  for (const Index bad : {0, 1, 50, 99}) {
    EXPECT_THROW(nn::parallel_for(100,
                                  [&](Index i) {
                                    if (i >= bad) throw std::runtime_error("bad");
                                  }),
                 std::runtime_error);
  }
}

/// The number of threads that take part in a loop in which each waits until `meeting` of them are
/// there, but not for ever.
std::size_t threads_at_work(int meeting) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::atomic<int> begun{0};
  std::mutex mutex;
  std::set<std::thread::id> ids;
  nn::parallel_for(64, [&](Index) {
    ++begun;
    while (begun < meeting && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    const std::lock_guard<std::mutex> lock(mutex);
    ids.insert(std::this_thread::get_id());
  });
  return ids.size();
}

TEST(Threads, are_as_many_as_asked_for_and_gone_with_their_scope) {
  EXPECT_EQ(threads_at_work(1), 1u);
  {
    const nn::Threads outer(3);
    EXPECT_EQ(threads_at_work(3), 3u);
    {
      const nn::Threads inner(2);
      EXPECT_EQ(threads_at_work(2), 2u);
    }
    EXPECT_EQ(threads_at_work(3), 3u);
  }
  EXPECT_EQ(threads_at_work(1), 1u);
}

/// What one step of training computes: output, gradient of the input, gradients of the parameters.
std::vector<float> training_step() {
  using Images = nn::Images<float>;
  using Conv2d = nn::Conv2d<float>;
  nn::Random random(1);
  nn::Chain<Images, Conv2d, eigen_norm::BatchNorm2d<float>, nn::MaxPool2d, Conv2d,
            nn::AveragePool2d>
      net{Conv2d(3, 8, 3, random), eigen_norm::BatchNorm2d<float>(8), nn::MaxPool2d(2),
          Conv2d(8, 4, 3, random), nn::AveragePool2d(2)};
  const Images x = random_images(37, 3, 16, 12).cast<float>();
  const Images y = net.forward(x);
  const Images dx = net.backward(x, y);
  std::vector<float> result(y.data(), y.data() + y.size());
  result.insert(result.end(), dx.data(), dx.data() + dx.size());
  net.for_each_parameter([&](std::string_view, const auto&, const auto& grad) {
    result.insert(result.end(), grad.data(), grad.data() + grad.size());
  });
  return result;
}

TEST(Threads, do_not_change_a_bit_of_the_results) {
  const std::vector<float> alone = training_step();
  for (const int count : {1, 2, 3, 7}) {
    const nn::Threads threads(count);
    EXPECT_EQ(training_step(), alone) << count << " threads";
  }
}

}  // namespace
