// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "distributed/on_threads.hpp"
#include "distributed/shares.hpp"
#include "support/heap.hpp"
#include "support/layer_check.hpp"

// A warm synchronised layer asks for no heap memory: what there is, is its communicator's.
namespace eigen_norm::test {
namespace {

// One rank alone, whose messages need no memory once it has some.
class Alone final : public distributed::Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  Ticket start_all_gather(const double* mine, Index count, const std::string&) override {
    all_.assign(mine, mine + count);
    return 0;
  }
  const double* finish(Ticket) override { return all_.data(); }

 private:
  std::vector<double> all_;
};

using Tensor = Eigen::Tensor<float, 4, Eigen::RowMajor>;

std::size_t requests_of_a_warm_step(const Ranks& ranks, const BatchNormOptions& options) {
  SyncBatchNorm2d<float> norm(7, ranks, options);
  const Tensor x = Tensor(3, 7, 4, 4).setRandom(), dy = x;
  Tensor y = x, dx = x;
  const auto step = [&] {
    norm.forward(x, y);
    norm.start_backward(x, dy);
    norm.backward(x, dy, dx);
    norm.forward(x, y);
    norm.backward(x, dy, dx);
  };
  step();
  return heap_requests(step);
}

TEST(SyncBatchNormAllocation, NeverHappensInAWarmLayer) {
  if (HeapCounter::reason() != nullptr) GTEST_SKIP() << HeapCounter::reason();
  for (const bool affine : {true, false}) {
    BatchNormOptions options;
    options.gamma = options.beta = affine;
    EXPECT_EQ(requests_of_a_warm_step(std::make_shared<Alone>(), options), 0U);
  }
}

// Four collectives in the step, each with a place of its own among the threads.
TEST(SyncBatchNormAllocation, OfThreadsIsOfTheirMessagesAlone) {
  if (HeapCounter::reason() != nullptr) GTEST_SKIP() << HeapCounter::reason();
  on_threads(1, [](const Ranks& ranks) {
    const std::size_t requests = requests_of_a_warm_step(ranks, {});
    EXPECT_GT(requests, 0U);
    EXPECT_LE(requests, 8U * 4U);
  });
}

}  // namespace
}  // namespace eigen_norm::test
