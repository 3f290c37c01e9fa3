// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "nn/metrics.hpp"
#include "nn/random.hpp"
#include "nn/standardizer.hpp"
#include "nn/stratified_folds.hpp"

namespace {

using nn::Index;
using nn::Labels;

TEST(Random, depends_on_the_seed_alone_on_every_platform) {
  nn::Random random(1);
  EXPECT_NEAR(random.uniform(), 0.13387664401253274, 1e-15);
  EXPECT_EQ(nn::Random(3).permutation(8), nn::Random(3).permutation(8));
  EXPECT_NE(nn::Random(3).permutation(8), nn::Random(4).permutation(8));
}

TEST(Random, normals_have_mean_zero_and_the_given_spread) {
  Eigen::ArrayXd x(20000);
  nn::Random(1).fill_normal(x, 3.0);
  EXPECT_NEAR(x.mean(), 0.0, 0.1);
  EXPECT_NEAR(std::sqrt(x.square().mean()), 3.0, 0.1);
}

TEST(Accuracy, counts_the_rows_whose_largest_logit_is_the_labels) {
  nn::Matrix<float> logits(4, 2);
  logits << 1, 2, 2, 1, 0, 5, 5, 0;
  EXPECT_EQ(nn::accuracy(logits, (Labels(4) << 1, 0, 0, 0).finished()), 0.75);
}

TEST(AreaUnderRoc, is_the_share_of_pairs_in_the_right_order) {
  nn::Random random(9);
  Eigen::ArrayXd scores(60);
  Labels labels(60);
  for (Index i = 0; i < 60; ++i) {
    scores(i) = std::floor(8.0 * random.uniform());  // many ties
    labels(i) = random.uniform() < 0.3 ? 1 : 0;
  }
  double right = 0.0;
  double pairs = 0.0;
  for (Index i = 0; i < 60; ++i) {
    for (Index j = 0; j < 60; ++j) {
      if (labels(i) == 1 && labels(j) == 0) {
        right += scores(i) > scores(j) ? 1.0 : scores(i) == scores(j) ? 0.5 : 0.0;
        pairs += 1.0;
      }
    }
  }
  EXPECT_NEAR(nn::area_under_roc(scores, labels), right / pairs, 1e-14);
}

TEST(Summary, divides_the_squares_by_one_less_than_their_number) {
  const nn::Summary summary({1.0, 2.0, 6.0});
  EXPECT_DOUBLE_EQ(summary.mean, 3.0);
  EXPECT_DOUBLE_EQ(summary.sd, std::sqrt(7.0));
  EXPECT_EQ(nn::Summary({4.0}).sd, 0.0);
}

TEST(StratifiedFolds, hold_out_every_sample_once_with_the_classes_in_proportion) {
  Labels labels(103);
  for (Index i = 0; i < 103; ++i) {
    labels(i) = i < 31 ? 0 : i < 60 ? 1 : 2;
  }
  nn::Random random(1);
  std::vector<Index> held_out;
  for (const nn::Split& split : nn::stratified_folds(labels, 5, random)) {
    EXPECT_EQ(split.train.size() + split.held_out.size(), 103u);
    EXPECT_GE(split.held_out.size(), 20u);
    EXPECT_LE(split.held_out.size(), 21u);
    std::vector<int> count(3);
    for (const Index i : split.held_out) {
      ++count[static_cast<std::size_t>(labels(i))];
      EXPECT_EQ(std::count(split.train.begin(), split.train.end(), i), 0);
    }
    EXPECT_TRUE(count[0] == 6 || count[0] == 7);
    EXPECT_TRUE(count[1] == 5 || count[1] == 6);
    EXPECT_TRUE(count[2] == 8 || count[2] == 9);
    held_out.insert(held_out.end(), split.held_out.begin(), split.held_out.end());
  }
  std::sort(held_out.begin(), held_out.end());
  EXPECT_EQ(std::unique(held_out.begin(), held_out.end()), held_out.end());
  EXPECT_EQ(held_out.size(), 103u);
}

TEST(Standardizer, uses_the_rows_it_was_made_of) {
  nn::Matrix<double> train(2, 2);
  train << 1.0, 5.0, 3.0, 5.0;
  nn::Matrix<double> other(1, 2);
  other << 6.0, 7.0;
  const nn::Matrix<float> z = nn::Standardizer(train).apply(other);
  EXPECT_EQ(z(0, 0), 4.0f);
  EXPECT_EQ(z(0, 1), 2.0f) << "a constant feature is centred and keeps its scale";
}

}  // namespace
