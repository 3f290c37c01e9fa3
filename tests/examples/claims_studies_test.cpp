// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "claims/depth.hpp"
#include "claims/lr.hpp"
#include "claims/momentum.hpp"
#include "nn/datasets.hpp"

namespace {

using claims::Index;
using claims::Norm;

const claims::Data& digits() {
  static const claims::Data data = [] {
    const nn::Digits all = nn::read_digits(EIGEN_NORM_EXAMPLES_DATA_DIR);
    return claims::Data{{all.images, all.digits, 128}, {all.images, all.digits, 64}};
  }();
  return data;
}

TEST(Data, is_standardised_by_the_training_samples) {
  const auto x = nn::flat(digits().train.images);
  EXPECT_NEAR(x.mean(), 0.0f, 1e-5f);
  EXPECT_NEAR(x.square().mean(), 1.0f, 1e-4f);
  EXPECT_EQ(digits().train.pixels.rows(), 128);
  EXPECT_EQ(digits().train.pixels(3, 10), digits().train.images(3, 0, 1, 2));
  EXPECT_EQ(digits().test.pixels.row(5), digits().train.pixels.row(5)) << "the same image";
}

TEST(Networks, run_with_every_normalization) {
  for (const Norm norm : {Norm::none, Norm::batch, Norm::layer, Norm::group}) {
    nn::Random random(1);
    claims::Cnn cnn = claims::make_cnn(norm, 8, random);
    EXPECT_EQ(cnn.forward(digits().test.images).cols(), 10) << claims::name_of(norm);
    claims::Mlp mlp = claims::make_mlp(norm, {64, 3, 16}, random);
    EXPECT_EQ(mlp.forward(digits().test.pixels).cols(), 10) << claims::name_of(norm);
  }
}

TEST(Networks, scale_every_first_weight) {
  const auto weights = [](double scale) {
    nn::Random random(1);
    claims::MlpShape shape{64, 2, 16};
    shape.init_scale = scale;
    std::vector<float> first;
    claims::make_mlp(Norm::none, shape, random)
        .for_each_parameter([&](std::string_view name, auto& value, auto&) {
          if (name == "weight") first.push_back(nn::flat(value)(0));
        });
    return first;
  };
  const std::vector<float> once = weights(1.0), twice = weights(2.0);
  ASSERT_EQ(once.size(), 3U);
  for (std::size_t k = 0; k < once.size(); ++k) EXPECT_EQ(twice[k], 2 * once[k]);
}

claims::Outcome small_run(std::uint64_t seed, double rate) {
  return claims::try_mlp(digits(), Norm::batch, {64, 2, 16}, {16, rate, 4}, seed);
}

TEST(Trial, learns_and_depends_on_nothing_but_its_seed) {
  std::vector<claims::Run> runs;
  const claims::Settings settings{digits(), 3, 1, 1, ""};
  claims::add_seeds(runs, settings, {"BatchNorm", 0.0, 0.1, 0, {}},
                    [](std::uint64_t seed) { return small_run(seed, 0.1); });
  const auto alone = claims::run_all("test", runs, 1);
  const auto side_by_side = claims::run_all("test", runs, 3);
  for (std::size_t k = 0; k < runs.size(); ++k) {
    EXPECT_EQ(runs[k].seed, k + 1);
    EXPECT_EQ(alone[k].values, side_by_side[k].values);
    EXPECT_EQ(alone[k].curve, side_by_side[k].curve);
    EXPECT_LT(alone[k].curve.back(), alone[k].curve.front());
    EXPECT_GT(alone[k].values[1], 50.0) << "accuracy in %";
  }
  EXPECT_NE(alone[0].values, alone[1].values);
}

TEST(Trial, has_no_more_pieces_than_batches) {
  EXPECT_EQ(claims::try_mlp(digits(), Norm::batch, {64, 2, 16}, {64, 0.1, 1}, 1).curve.size(), 2U);
}

TEST(Trial, says_that_it_diverged) {
  const auto outcome = claims::try_mlp(digits(), Norm::none, {64, 4, 16}, {16, 1e4, 4}, 1);
  EXPECT_TRUE(claims::diverged(outcome));
  EXPECT_TRUE(std::isnan(outcome.curve.back()));
}

TEST(Trial, evaluates_in_parts_as_in_one) {
  nn::Random random(1);
  const claims::Mlp model = claims::make_mlp(Norm::layer, {64, 2, 16}, random);
  const claims::Samples& samples = digits().train;
  const auto logits = model.infer(samples.pixels);
  const auto judged = claims::judge(model, samples.pixels, samples.labels);
  EXPECT_NEAR(judged.loss, nn::softmax_cross_entropy(logits, samples.labels).loss, 1e-6);
  EXPECT_NEAR(judged.confusion.accuracy(), nn::accuracy(logits, samples.labels), 1e-12);
}

TEST(Curves, have_a_point_for_each_piece) {
  claims::Study study{"lr", "rate", claims::loss_and_accuracy(), {}};
  study.runs = {{"none", 0.1, 0.1, 1, {}}, {"none", 0.1, 0.1, 2, {}}};
  const claims::Settings settings{digits(), 2, 1, 1, ""};
  const auto points = claims::curves(study, settings, {{{}, {4.0, 2.0}}, {{}, {6.0, 3.0}}});
  ASSERT_EQ(points.size(), 2U);
  EXPECT_EQ(points[0].series, "none 0.1");
  EXPECT_NEAR(points[0].x, 0.128 * 0.25, 1e-12) << "thousands of images";
  EXPECT_EQ(points[0].values[0].mean, 5.0);
  EXPECT_EQ(points[1].values[0].mean, 2.5);
}

TEST(BestRates, prefer_runs_that_did_not_diverge) {
  const auto point = [](const char* series, double rate, double loss, int diverged) {
    return claims::Point{series, 4.0, rate, {nn::Summary({loss})}, 5, diverged};
  };
  const auto best =
      claims::best_rates({point("none", 0.01, 0.9, 0), point("none", 0.03, 0.7, 0),
                          point("none", 0.1, 0.1, 4), point("BatchNorm", 0.1, 0.5, 0)});
  ASSERT_EQ(best.size(), 2U);
  EXPECT_EQ(best[0].rate, 0.03);
  EXPECT_EQ(best[1].series, "BatchNorm");
}

TEST(ExactStatistics, infer_what_training_sees_in_all_samples) {
  const claims::MlpShape shape{64, 2, 16};
  nn::Random random(1);
  claims::Mlp model = claims::make_mlp(Norm::batch, shape, random);
  claims::train(model, digits().train.pixels, digits().train.labels, {16, 0.1, 1}, 1, random);
  claims::Mlp exact = claims::with_exact_statistics(model, shape, digits().train);
  const claims::Matrix& x = digits().train.pixels;
  const claims::Matrix by_exact = exact.infer(x);
  const claims::Matrix by_running = model.infer(x);
  const claims::Matrix trained = model.forward(x);
  // Not the same to the last digit, for the variance that is remembered is the unbiased one.
  EXPECT_LT((by_exact - trained).norm(), 0.01f * trained.norm());
  EXPECT_GT((by_running - trained).norm(), 0.1f * trained.norm());
  EXPECT_EQ(claims::running(exact, "running_mean").size(), 32);
}

}  // namespace
