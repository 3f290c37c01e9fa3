// SPDX-License-Identifier: MIT
#include "nn/rank_parallel.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <eigen_norm/distributed/sync_batch_norm.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checks.hpp"
#include "distributed/on_threads.hpp"
#include "distributed/shares.hpp"
#include "nn/chain.hpp"
#include "nn/conv2d.hpp"
#include "nn/linear.hpp"
#include "nn/pooling.hpp"
#include "nn/relu.hpp"

namespace {

using eigen_norm::test::on_threads;
using eigen_norm::test::Ranks;
using nn::Index;
using nn::Labels;
using Images = nn::Images<double>;
using Gradient = std::vector<double>;

template <typename Norm>
using Model = nn::Chain<Images, nn::Conv2d<double>, Norm, nn::Relu, nn::MaxPool2d,
                        nn::GlobalAveragePool, nn::Linear<double>>;

template <typename Norm>
Model<Norm> make_model(const Norm& norm) {
  nn::Random random(1);
  return Model<Norm>{nn::Conv2d<double>(1, 3, 3, random),
                     norm,
                     nn::Relu(),
                     nn::MaxPool2d(2),
                     nn::GlobalAveragePool(),
                     nn::Linear<double>(3, 2, nn::Bias::learned, random)};
}

template <typename Model>
Gradient gradient_of(Model& model) {
  Gradient result;
  model.for_each_parameter([&](std::string_view, auto&, auto& grad) {
    result.insert(result.end(), grad.data(), grad.data() + grad.size());
  });
  return result;
}

struct Batch {
  Images x = random_images(9, 1, 4, 4);
  Labels labels = Labels(9);
  std::vector<Index> rows{8, 3, 4, 1, 7, 2, 5};  // of which the ranks have a share

  Batch() {
    for (Index n = 0; n < 9; ++n) labels(n) = static_cast<int>(n % 2);
  }
};

TEST(RankParallel, shares_the_rows_in_order) {
  const std::vector<Index> rows{5, 3, 9, 1, 2};
  on_threads(3, [&](const Ranks& ranks) {
    const std::vector<Index> want[] = {{5}, {3, 9}, {1, 2}};
    EXPECT_EQ(nn::RankParallel(ranks).share(rows), want[ranks->rank()]);
  });
  on_threads(3, [&](const Ranks& ranks) {
    EXPECT_EQ(nn::RankParallel(ranks).share({4, 6}).size(), ranks->rank() == 0 ? 0U : 1U);
  });
}

// With more ranks than rows too, where some have nothing to learn from.
TEST(RankParallel, with_sync_batch_norm_learns_what_one_rank_learns_from_the_whole_batch) {
  const Batch batch;
  auto whole = make_model(eigen_norm::BatchNorm2d<double>(3));
  const double want_loss = nn::batch_gradients(whole, nn::gather(batch.x, batch.rows),
                                               nn::gather(batch.labels, batch.rows));
  const Gradient want = gradient_of(whole);
  for (const int count : {1, 2, 4, 9}) {
    SCOPED_TRACE(std::to_string(count) + " ranks");
    on_threads(count, [&](const Ranks& ranks) {
      nn::RankParallel parallel(ranks);
      auto model = make_model(eigen_norm::SyncBatchNorm2d<double>(3, ranks));
      for (int step = 0; step < 2; ++step) {  // a step leaves nothing behind for the next
        EXPECT_NEAR(parallel.gradients(model, batch.x, batch.labels, batch.rows), want_loss, 1e-12);
        const Gradient got = gradient_of(model);
        ASSERT_EQ(got.size(), want.size());
        for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-12);
        EXPECT_TRUE(eigen_norm::test::are_the_same_everywhere(
            ranks, Eigen::Map<const Eigen::ArrayXd>(got.data(), static_cast<Index>(got.size()))));
      }
    });
  }
}

TEST(RankParallel, with_batch_norm_learns_something_else) {
  const Batch batch;
  auto whole = make_model(eigen_norm::BatchNorm2d<double>(3));
  const double loss = nn::batch_gradients(whole, nn::gather(batch.x, batch.rows),
                                          nn::gather(batch.labels, batch.rows));
  on_threads(2, [&](const Ranks& ranks) {
    auto model = make_model(eigen_norm::BatchNorm2d<double>(3));
    nn::RankParallel parallel(ranks);
    EXPECT_GT(std::abs(parallel.gradients(model, batch.x, batch.labels, batch.rows) - loss), 1e-4);
  });
}

TEST(RankParallel, hears_of_any_rank) {
  on_threads(3, [](const Ranks& ranks) {
    nn::RankParallel parallel(ranks);
    EXPECT_FALSE(parallel.any(false));
    EXPECT_TRUE(parallel.any(ranks->rank() == 1));
  });
}

}  // namespace
