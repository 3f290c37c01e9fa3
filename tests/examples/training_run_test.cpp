// SPDX-License-Identifier: MIT
#include "nn/training_run.hpp"

#include <gtest/gtest.h>

#include <eigen_norm/eigen_norm.hpp>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

#include "checks.hpp"
#include "nn/chain.hpp"
#include "nn/checkpoint.hpp"
#include "nn/conv2d.hpp"
#include "nn/linear.hpp"
#include "nn/metrics.hpp"
#include "nn/one_of.hpp"
#include "nn/pooling.hpp"
#include "nn/relu.hpp"

namespace {

using nn::Index;
using nn::Labels;
using Images = nn::Images<float>;
using Conv2d = nn::Conv2d<float>;
using BatchNorm2d = eigen_norm::BatchNorm2d<float>;
using GroupNorm = eigen_norm::GroupNorm<float>;
using Norm = nn::OneOf<BatchNorm2d, GroupNorm>;
using Model = nn::Chain<Images, Conv2d, Norm, nn::Relu, nn::GlobalAveragePool, nn::Linear<float>>;
using Training = nn::TrainingRun<Model>;

constexpr Index samples = 21;
constexpr Training::Plan plan{3, 4, 0.05};  // 5 batches per epoch, the last of 5 samples

/// Images of which one half is brighter, left or right.
struct Data {
  Images x = random_images(samples, 1, 4, 4).cast<float>();
  Labels labels = Labels(samples);

  Data() {
    for (Index n = 0; n < samples; ++n) {
      labels(n) = static_cast<int>(n % 2);
      nn::as_matrix(x.data() + 16 * n, 4, 4).middleCols(2 * (n % 2), 2).array() += 2.0f;
    }
  }
};

Training make_run(std::uint64_t seed, const Norm& norm = BatchNorm2d(4)) {
  nn::Random random(seed);
  Model model{Conv2d(1, 4, 3, random), norm, nn::Relu(), nn::GlobalAveragePool(),
              nn::Linear<float>(4, 2, nn::Bias::learned, random)};
  return {std::move(model), plan, samples, std::move(random)};
}

/// A visitor that gathers every bit of a state.
struct Bits {
  std::string all;

  void operator()(std::string_view, const std::string& text) { all += text; }

  template <typename Value>
  void operator()(std::string_view, Value& value) {
    const nn::checkpoint::Numbers<Value> numbers(value);
    all.append(static_cast<const char*>(numbers.data()), numbers.bytes());
  }
};

std::string state_of(Training& run) {
  Bits bits;
  run.for_each_state(bits);
  return bits.all;
}

class TrainingRun : public testing::Test {
 protected:
  ~TrainingRun() override { std::filesystem::remove(path_); }
  const Data data_;
  const std::string path_ = testing::TempDir() + "eigen_norm_" +
                            testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(TrainingRun, counts_epochs_and_samples) {
  Training run = make_run(1);
  EXPECT_EQ(run.seen_in_all(), 0);
  int steps = 0;
  for (; !run.is_complete(); ++steps) {
    run.step(data_.x, data_.labels);
    EXPECT_EQ(run.epoch(), 1 + steps / 5);
    EXPECT_EQ(run.seen(), steps % 5 == 4 ? 21 : 4 * (steps % 5 + 1));
    EXPECT_EQ(run.is_epoch_complete(), steps % 5 == 4);
  }
  EXPECT_EQ(steps, 15);
  EXPECT_EQ(run.seen_in_all(), run.to_be_seen());
}

TEST_F(TrainingRun, learns) {
  Training run = make_run(1);
  while (!run.is_epoch_complete() || run.epoch() == 0) run.step(data_.x, data_.labels);
  const double first = run.mean_loss();
  while (!run.is_complete()) run.step(data_.x, data_.labels);
  EXPECT_LT(run.mean_loss(), first);
}

TEST_F(TrainingRun, interrupted_after_any_batch_goes_on_with_the_same_bits) {
  Training uninterrupted = make_run(1);
  while (!uninterrupted.is_complete()) uninterrupted.step(data_.x, data_.labels);
  for (const int steps : {0, 1, 4, 5, 6, 12, 15}) {
    Training first = make_run(1);
    for (int step = 0; step < steps; ++step) first.step(data_.x, data_.labels);
    nn::save_checkpoint(first, path_, "a run");
    Training second = make_run(2);
    nn::load_checkpoint(second, path_, "a run");
    EXPECT_EQ(second.seen_in_all(), first.seen_in_all());
    while (!second.is_complete()) second.step(data_.x, data_.labels);
    EXPECT_EQ(state_of(second), state_of(uninterrupted)) << "interrupted after " << steps;
  }
}

TEST_F(TrainingRun, refuses_the_state_of_another_model) {
  Training with_batch_norm = make_run(1);
  nn::save_checkpoint(with_batch_norm, path_, "a run");
  Training with_group_norm = make_run(1, GroupNorm(2, 4));
  try {
    nn::load_checkpoint(with_group_norm, path_, "a run");
    FAIL() << "expected an exception";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(std::string(error.what()),
              path_ +
                  ": expected a checkpoint of a run, got \"running_mean: 4 x 4\" in place of "
                  "\"weight: 8 x 4\"");
  }
}

TEST_F(TrainingRun, learns_from_the_only_batch_there_is) {
  const Data data;
  nn::Random random(1);
  Training run(make_run(1).model(), {1, samples, 0.05}, samples, random);
  const double before = nn::softmax_cross_entropy(run.model().infer(data.x), data.labels).loss;
  run.step(data.x, data.labels);
  EXPECT_TRUE(run.is_complete());
  EXPECT_NE(nn::softmax_cross_entropy(run.model().infer(data.x), data.labels).loss, before);
}

}  // namespace
