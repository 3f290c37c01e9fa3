// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "eigen_norm/eigen_norm.hpp"
#include "eigen_norm/gradient_check.hpp"
#include "support/layer_check.hpp"
#include "support/shapes.hpp"

// Every layer in every mode and layout against differences of its own forward, in double.
namespace eigen_norm::test {
namespace {

enum class Mode { train, eval, frozen };

const char* name_of(Mode mode) {
  return mode == Mode::train ? "train" : mode == Mode::eval ? "eval" : "frozen";
}

template <int Rank>
using RowTensor = Eigen::Tensor<double, Rank, Eigen::RowMajor>;
template <int Rank>
using ColTensor = Eigen::Tensor<double, Rank, Eigen::ColMajor>;

// The worst relative error of one layer in one mode over all it is asked.
class Worst {
 public:
  Worst(std::string layer, Mode mode) : name_(layer + ", " + name_of(mode)) {}
  ~Worst() {
    char text[32];
    std::snprintf(text, sizeof(text), "%.1e", worst_);
    testing::Test::RecordProperty(name_, text);
    std::printf("  %-36s worst relative error %s\n", name_.c_str(), text);
  }
  Worst(const Worst&) = delete;
  Worst& operator=(const Worst&) = delete;

  template <typename X, typename Layer>
  void check(const Layer& layer, const Dims& dims) {
    GradientCheckOptions options;
    options.most = 60;
    const X x = to_eigen<X>(random_normal(dims, 3, 0.5L, 1.5L));
    const GradientReport report = check_gradients(layer, x, options);
    EXPECT_LE(report.worst(), 1e-7) << name_ << ' ' << testing::PrintToString(dims) << '\n'
                                    << report.to_string();
    worst_ = std::max(worst_, report.worst());
  }

 private:
  std::string name_;
  double worst_ = 0;
};

template <typename Layer>
Layer with_parameters(Layer layer) {
  if (layer.gamma().size() > 0)
    copy_to_parameters(random_gamma(layer.gamma().size(), 1), layer.gamma());
  if (layer.beta().size() > 0)
    copy_to_parameters(random_beta(layer.beta().size(), 2), layer.beta());
  return layer;
}

template <typename Layer>
Layer in_mode(Layer layer, Mode mode) {
  layer = with_parameters(layer);
  if constexpr (has_running_statistics<Layer>) {
    const Index size = layer.running_mean().size();
    copy_to_parameters(random_beta(size, 5), layer.running_mean());
    copy_to_parameters(random_uniform({size}, 6, 0.5L, 2).values, layer.running_var());
    if (mode == Mode::frozen) layer.freeze();
  }
  layer.train(mode != Mode::eval);
  return layer;
}

// The options that change the gradient: which parameters there are, which axis the channels are on.
template <typename Options, typename Run>
void for_each_option(Run run) {
  Options options;
  options.gamma = options.beta = true;
  run(options);
  options.gamma = false;
  run(options);
  options.beta = false;
  run(options);
  options.gamma = true;
  run(options);
}

void check_batch_norm(Mode mode) {
  Worst one("BatchNorm1d", mode);
  Worst two("BatchNorm2d", mode);
  Worst three("BatchNorm3d", mode);
  for_each_option<BatchNormOptions>([&](BatchNormOptions options) {
    for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
      options.channels = channels;
      const auto norm1 = in_mode(BatchNorm1d<double>(5, options), mode);
      const auto norm2 = in_mode(BatchNorm2d<double>(4, options), mode);
      one.check<ColMatrix<double>>(norm1, {9, 5});
      one.check<RowMatrix<double>>(norm1, {9, 5});
      one.check<RowTensor<3>>(norm1, {4, 5, 5});
      one.check<ColTensor<3>>(norm1, {4, 5, 5});
      two.check<RowTensor<4>>(norm2, {3, 4, 5, 4});
      two.check<ColTensor<4>>(norm2, {3, 4, 5, 4});
      const auto norm3 = in_mode(BatchNorm3d<double>(4, options), mode);
      three.check<RowTensor<5>>(norm3, {2, 4, 2, 3, 4});
      three.check<ColTensor<5>>(norm3, {2, 4, 2, 3, 4});
    }
  });
}

TEST(Gradients, OfBatchNormInTrainingAreItsDifferences) { check_batch_norm(Mode::train); }
TEST(Gradients, OfBatchNormInEvalAreItsDifferences) { check_batch_norm(Mode::eval); }
TEST(Gradients, OfBatchNormFrozenAreItsDifferences) { check_batch_norm(Mode::frozen); }

// In eval too it normalises by the batch, and the gradient flows through the statistics.
TEST(Gradients, OfBatchNormWithoutRunningStatisticsAreItsDifferences) {
  BatchNormOptions options;
  options.track_running_stats = false;
  for (const Mode mode : {Mode::train, Mode::eval}) {
    Worst worst("BatchNorm, nothing tracked", mode);
    auto norm = with_parameters(BatchNorm1d<double>(5, options));
    norm.train(mode == Mode::train);
    worst.check<ColMatrix<double>>(norm, {9, 5});
    worst.check<RowTensor<3>>(norm, {4, 5, 6});
  }
}

void check_instance_norm(Mode mode) {
  Worst worst("InstanceNorm", mode);
  for_each_option<InstanceNormOptions>([&](InstanceNormOptions options) {
    for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
      options.channels = channels;
      options.track_running_stats = mode != Mode::train;
      const auto norm1 = in_mode(InstanceNorm1d<double>(5, options), mode);
      const auto norm2 = in_mode(InstanceNorm2d<double>(4, options), mode);
      const auto norm3 = in_mode(InstanceNorm3d<double>(4, options), mode);
      worst.check<ColMatrix<double>>(norm1, {5, 5});
      worst.check<RowMatrix<double>>(norm1, {5, 5});
      worst.check<RowTensor<3>>(norm1, {4, 5, 5});
      worst.check<ColTensor<3>>(norm1, {4, 5, 5});
      worst.check<RowTensor<4>>(norm2, {3, 4, 5, 4});
      worst.check<ColTensor<4>>(norm2, {3, 4, 5, 4});
      worst.check<RowTensor<5>>(norm3, {2, 4, 2, 3, 4});
    }
  });
}

TEST(Gradients, OfInstanceNormInTrainingAreItsDifferences) { check_instance_norm(Mode::train); }
TEST(Gradients, OfInstanceNormInEvalAreItsDifferences) { check_instance_norm(Mode::eval); }
TEST(Gradients, OfInstanceNormFrozenAreItsDifferences) { check_instance_norm(Mode::frozen); }

TEST(Gradients, OfLayerNormAreItsDifferences) {
  for (const Mode mode : {Mode::train, Mode::eval}) {
    Worst worst("LayerNorm", mode);
    for_each_option<LayerNormOptions>([&](const LayerNormOptions& options) {
      const auto norm = in_mode(LayerNorm<double>(7, options), mode);
      worst.check<ColMatrix<double>>(norm, {5, 7});
      worst.check<RowMatrix<double>>(norm, {5, 7});
      const auto plane = in_mode(LayerNorm<double>({3, 4}, options), mode);
      worst.check<RowTensor<3>>(plane, {5, 3, 4});
      worst.check<ColTensor<3>>(plane, {5, 3, 4});
    });
  }
}

TEST(Gradients, OfRmsNormAreItsDifferences) {
  for (const Mode mode : {Mode::train, Mode::eval}) {
    Worst worst("RMSNorm", mode);
    for (const RMSNormOptions& options :
         {RMSNormOptions{}, RMSNormOptions{0.1, false}, RMSNormOptions{1e-3, true, true}}) {
      const auto norm = in_mode(RMSNorm<double>(7, options), mode);
      worst.check<ColMatrix<double>>(norm, {5, 7});
      worst.check<RowMatrix<double>>(norm, {5, 7});
      const auto plane = in_mode(RMSNorm<double>({3, 4}, options), mode);
      worst.check<RowTensor<3>>(plane, {5, 3, 4});
      worst.check<ColTensor<3>>(plane, {5, 3, 4});
    }
  }
}

TEST(Gradients, OfGroupNormAreItsDifferences) {
  for (const Mode mode : {Mode::train, Mode::eval}) {
    Worst worst("GroupNorm", mode);
    for_each_option<GroupNormOptions>([&](GroupNormOptions options) {
      for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
        options.channels = channels;
        const auto norm = in_mode(GroupNorm<double>(2, 6, options), mode);
        worst.check<RowTensor<4>>(norm, {2, 6, 3, 6});
        worst.check<ColTensor<4>>(norm, {2, 6, 3, 6});
        const auto wide = in_mode(GroupNorm<double>(2, 12, options), mode);
        worst.check<ColMatrix<double>>(wide, {4, 12});
        worst.check<RowMatrix<double>>(wide, {4, 12});
      }
    });
  }
}

// Statistics whose values cross the sizes at which the loops change.
TEST(Gradients, OfLargeInputsAreTheirDifferences) {
  Worst worst("large inputs", Mode::train);
  worst.check<RowTensor<3>>(with_parameters(BatchNorm1d<double>(2)), {2, 2, 2100});
  worst.check<RowMatrix<double>>(with_parameters(BatchNorm1d<double>(259)), {40, 259});
  worst.check<RowMatrix<double>>(with_parameters(LayerNorm<double>(2100)), {2, 2100});
  worst.check<ColMatrix<double>>(with_parameters(LayerNorm<double>(9)), {300, 9});
  RMSNormOptions zero_centered;
  zero_centered.zero_centered_gamma = true;
  worst.check<RowMatrix<double>>(with_parameters(RMSNorm<double>(2100, zero_centered)), {3, 2100});
  worst.check<RowTensor<3>>(with_parameters(GroupNorm<double>(2, 4)), {2, 4, 1100});
}

// Four rows twice over, the second time with -dy: dgamma and dbeta are 0 though half of each sum is
// beyond float.
template <typename X, typename Layer>
void expect_sums_beyond_float(Layer layer) {
  const Index features = layer.gamma().size();
  X x(8, features), dy(8, features);
  for (Index c = 0; c < features; ++c) {
    for (Index row = 0; row < 4; ++row) {
      x(row, c) = x(row + 4, c) = static_cast<float>((3 * row + 2 * c) % 7);
      dy(row, c) = 1e36F * static_cast<float>(300 + c % 7);
      dy(row + 4, c) = -dy(row, c);
    }
  }
  layer.forward(x);
  EXPECT_TRUE(layer.backward(x, dy).allFinite());
  EXPECT_TRUE((layer.gamma_grad() == 0).all());
  EXPECT_TRUE((layer.beta_grad() == 0).all());
}

TEST(Gradients, ByGammaAndBetaAreRightWhereHalfOfASumIsBeyondFloat) {
  expect_sums_beyond_float<RowMatrix<float>>(LayerNorm<float>(301));
  expect_sums_beyond_float<ColMatrix<float>>(LayerNorm<float>(301));
  expect_sums_beyond_float<RowMatrix<float>>(BatchNorm1d<float>(301));
  expect_sums_beyond_float<ColMatrix<float>>(BatchNorm1d<float>(301));
}

}  // namespace
}  // namespace eigen_norm::test
