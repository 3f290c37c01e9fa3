// SPDX-License-Identifier: MIT
#include "eigen_norm/distributed/channel_exchange.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "distributed/on_threads.hpp"
#include "distributed/shares.hpp"
#include "support/errors.hpp"

namespace eigen_norm::test {
namespace {

using distributed::ChannelExchange;
using distributed::Communicator;

// Counts what passes through it.
class Counter final : public Communicator {
 public:
  explicit Counter(Ranks ranks) : ranks_(std::move(ranks)) {}

  int rank() const override { return ranks_->rank(); }
  int size() const override { return ranks_->size(); }
  int start_all_gather(const double* mine, Index count, const std::string& purpose) override {
    counts.push_back(count);
    return ranks_->start_all_gather(mine, count, purpose);
  }
  const double* finish(int ticket) override { return ranks_->finish(ticket); }

  std::vector<Index> counts;  // doubles given, by collective

 private:
  Ranks ranks_;
};

TEST(ChannelExchange, GivesACountAndTwoNumbersByChannel) {
  on_threads(3, [](const Ranks& ranks) {
    ChannelExchange exchange(ranks, 2);
    const double rank = ranks->rank();
    exchange.first()[1] = rank;
    exchange.second()[0] = 10 * rank;
    exchange.start(ranks->rank(), "a test");
    EXPECT_TRUE(exchange.is_pending());
    exchange.finish("a test");
    EXPECT_FALSE(exchange.is_pending());
    for (int other = 0; other < 3; ++other) {
      EXPECT_EQ(exchange.part(other).count, other);
      EXPECT_EQ(exchange.part(other).first[1], other);
      EXPECT_EQ(exchange.part(other).second[0], 10 * other);
    }
    EXPECT_EQ(exchange.first()[1], rank);
  });
}

TEST(ChannelExchange, NamesTheRanksThatHaveThrown) {
  on_threads(3, [](const Ranks& ranks) {
    ChannelExchange exchange(ranks, 2);
    exchange.start(ranks->rank() == 1 ? 5 : -1, "a test");
    expect_error<std::runtime_error>("expected a test from every rank, got an error on rank 0, 2",
                                     [&] { exchange.finish("a test"); });
    EXPECT_FALSE(exchange.is_pending());
  });
}

// One collective each way, of 1 + 2 C doubles from each rank; none by running statistics.
TEST(ChannelExchange, IsOneCollectiveForwardAndOneBackward) {
  on_threads(2, [](const Ranks& ranks) {
    const auto counter = std::make_shared<Counter>(ranks);
    SyncBatchNorm2d<float> norm(64, counter);
    counter->counts.clear();  // of the construction
    const Eigen::Tensor<float, 4> x = Eigen::Tensor<float, 4>(2, 64, 3, 3).setRandom();
    norm.forward(x);
    EXPECT_EQ(counter->counts, std::vector<Index>{129});
    norm.backward(x, x);
    EXPECT_EQ(counter->counts, (std::vector<Index>{129, 129}));
    norm.start_backward(x, x);
    norm.backward(x, x);
    EXPECT_EQ(counter->counts, (std::vector<Index>{129, 129, 129}));
    norm.eval();
    norm.infer(x);
    norm.backward(x, norm.forward(x));
    EXPECT_EQ(counter->counts.size(), 3U);
  });
}

}  // namespace
}  // namespace eigen_norm::test
