// SPDX-License-Identifier: MIT
#include "eigen_norm/distributed/channel_exchange.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "distributed/counter.hpp"
#include "distributed/on_threads.hpp"
#include "distributed/resnet50.hpp"
#include "distributed/shares.hpp"
#include "support/errors.hpp"

namespace eigen_norm::test {
namespace {

using distributed::ChannelExchange;

const ChannelExchange::Topic a_test{"a test", 0};

TEST(ChannelExchange, GivesACountAndTwoNumbersByChannel) {
  on_threads(3, [](const Ranks& ranks) {
    ChannelExchange exchange(ranks, 2);
    const double rank = ranks->rank();
    exchange.first()[1] = rank;
    exchange.second()[0] = 10 * rank;
    exchange.start(ranks->rank(), a_test);
    EXPECT_TRUE(exchange.is_pending());
    exchange.finish(a_test);
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
    exchange.start(ranks->rank() == 1 ? 5 : -1, a_test);
    expect_error<std::runtime_error>("expected a test from every rank, got an error on rank 0, 2",
                                     [&] { exchange.finish(a_test); });
    EXPECT_FALSE(exchange.is_pending());
  });
}

TEST(ChannelExchange, TellsTheOthersOfACallThatEndsBeforeItHasGivenAnything) {
  on_threads(3, [](const Ranks& ranks) {
    ChannelExchange exchange(ranks, 2);
    const auto call = [&](bool throws) {
      const ChannelExchange::Debt debt(exchange, a_test);
      if (throws) throw std::invalid_argument("no");
      exchange.start(1, a_test);
      exchange.finish(a_test);
    };
    if (ranks->rank() == 1) {
      expect_error<std::invalid_argument>("no", [&] { call(true); });
    } else {
      expect_error<std::runtime_error>("expected a test from every rank, got an error on rank 1",
                                       [&] { call(false); });
    }
    call(false);
    EXPECT_EQ(exchange.part(1).count, 1);
  });
}

TEST(ChannelExchange, AbandonsWhatItHasBegunAtItsEnd) {
  on_threads(2, [](const Ranks& ranks) {
    const auto counter = std::make_shared<Counter>(ranks);
    ChannelExchange exchange(counter, 2);
    {
      ChannelExchange other(counter, 2);
      other.start(1, a_test);
      EXPECT_FALSE(ChannelExchange(other).is_pending());
      const ChannelExchange moved = std::move(other);
      EXPECT_TRUE(moved.is_pending());
      EXPECT_EQ(counter->abandoned, 0);
    }
    EXPECT_EQ(counter->abandoned, 1);
    exchange.start(1, a_test);
    exchange = ChannelExchange(counter, 2);
    EXPECT_EQ(counter->abandoned, 2);
    exchange.start(1, a_test);
    exchange.finish(a_test);
    EXPECT_EQ(counter->abandoned, 2);
  });
}

// Two layers of one size, or the two directions of one, have messages of the same length.
TEST(ChannelExchange, NamesTheRanksThatSpeakOfSomethingElse) {
  on_threads(3, [](const Ranks& ranks) {
    ChannelExchange first(ranks, 2), second(ranks, 2);
    ChannelExchange& mine = ranks->rank() == 1 ? second : first;
    mine.start(4, a_test);
    expect_error<std::runtime_error>(
        std::string("expected a test from every rank, got another call on rank ") +
            (ranks->rank() == 1 ? "0, 2" : "1"),
        [&] { mine.finish(a_test); });
    const ChannelExchange::Topic other{"a test", 1};
    const auto& topic = ranks->rank() == 2 ? other : a_test;
    first.start(4, topic);
    EXPECT_THROW(first.finish(topic), std::runtime_error);
    first.start(4, a_test);
    first.finish(a_test);
  });
}

// One collective each way, of 2 + 2 C doubles from each rank; none by running statistics.
TEST(ChannelExchange, IsOneCollectiveForwardAndOneBackward) {
  on_threads(2, [](const Ranks& ranks) {
    const auto counter = std::make_shared<Counter>(ranks);
    SyncBatchNorm2d<float> norm(64, counter);
    counter->counts.clear();  // of the construction
    const Eigen::Tensor<float, 4> x = Eigen::Tensor<float, 4>(2, 64, 3, 3).setRandom();
    norm.forward(x);
    EXPECT_EQ(counter->counts, std::vector<Index>{130});
    norm.backward(x, x);
    EXPECT_EQ(counter->counts, (std::vector<Index>{130, 130}));
    norm.start_backward(x, x);
    norm.backward(x, x);
    EXPECT_EQ(counter->counts, (std::vector<Index>{130, 130, 130}));
    norm.eval();
    norm.infer(x);
    norm.backward(x, norm.forward(x));
    EXPECT_EQ(counter->counts.size(), 3U);
  });
}

// What docs/scaling.md counts with: of each layer a message each way, 8 (2 + 2 C) bytes long.
TEST(ChannelExchange, OfResnet50IsOf106CollectivesAndThe851616BytesOfTheModel) {
  const std::vector<Index> channels = resnet50_channels();
  ASSERT_EQ(channels.size(), 53U);
  on_threads(2, [&](const Ranks& ranks) {
    const auto counter = std::make_shared<Counter>(ranks);
    std::vector<SyncBatchNorm1d<float>> norms;
    for (const Index count : channels) norms.emplace_back(count, counter);
    counter->counts.clear();  // of the construction
    for (auto& norm : norms) {
      const Eigen::MatrixXf x = Eigen::MatrixXf::Random(2, norm.num_features());
      norm.backward(x, norm.forward(x));
    }
    EXPECT_EQ(counter->counts.size(), 106U);
    EXPECT_EQ(counter->bytes(), 851616);
    EXPECT_EQ(counter->bytes(), 2 * 8 * (2 * 53 + 2 * 26560));
  });
}

}  // namespace
}  // namespace eigen_norm::test
