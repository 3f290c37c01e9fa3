// SPDX-License-Identifier: MIT
// Where this library and PyTorch differ and no rounding is to blame: by decision, as the layers'
// comments say, or by a mistake of PyTorch 1.13.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "differential/peer.hpp"
#include "support/layer_check.hpp"

namespace eigen_norm::test {
namespace {

Configuration plain(Layer layer, const Dims& dims) {
  return {layer,
          dims,
          {Precision::float32, ChannelAxis::first, Order::row_major, Memory::contiguous},
          {1, 1e-5, 0.1, true, true, true},
          {},
          {},
          0};
}

// The same layer in both libraries.
struct Both {
  explicit Both(const Configuration& configuration)
      : affine{random_gamma(configuration.dims[1], 1), random_beta(configuration.dims[1], 2)},
        ours(make_eigen_norm<float>(configuration, affine)),
        torch(make_torch(configuration, affine, Precision::float32)) {}

  Affine affine;
  std::unique_ptr<Peer> ours, torch;
};

TEST(DocumentedDifference, ABatchThatIsNotFiniteIsLeftOutOfTheRunningStatistics) {
  const Both both(plain(Layer::batch_norm_1d, {3, 2}));
  Logical x = random_normal({3, 2}, 1);
  x.values[0] = std::numeric_limits<Real>::quiet_NaN();
  both.ours->step(Mode::train, x, x);
  both.torch->step(Mode::train, x, x);
  EXPECT_EQ(both.ours->running().mean, Values(2, 0));
  EXPECT_EQ(both.ours->running().tracked, 0);
  EXPECT_TRUE(std::isnan(both.torch->running().mean[0]));
  EXPECT_EQ(both.torch->running().tracked, 1);
}

TEST(DocumentedDifference, AnEmptyBatchIsNotCounted) {
  const Both both(plain(Layer::batch_norm_1d, {0, 2}));
  const Logical x(Dims{0, 2});
  EXPECT_EQ(both.ours->step(Mode::train, x, x).dbeta, Values(2, 0));
  EXPECT_EQ(both.torch->step(Mode::train, x, x).dbeta, Values(2, 0));
  EXPECT_EQ(both.ours->running().tracked, 0);
  EXPECT_EQ(both.torch->running().tracked, 1);
}

TEST(DocumentedDifference, ARefusedBatchIsNotCounted) {
  const Both both(plain(Layer::batch_norm_1d, {1, 2}));
  const Logical x(Dims{1, 2});
  EXPECT_ANY_THROW(both.ours->step(Mode::train, x, x));
  EXPECT_EQ(both.ours->running().tracked, 0);
  EXPECT_ANY_THROW(both.torch->step(Mode::train, x, x));
  EXPECT_EQ(both.torch->running().tracked, 1);
}

TEST(DocumentedDifference, AConstantWithoutEpsIsBeta) {
  Configuration configuration = plain(Layer::layer_norm, {3, 4});
  configuration.settings.eps = 0;
  const Both both(configuration);
  const Logical x(Dims{3, 4}, 2);
  EXPECT_EQ(samples_of(Logical({3, 4}, both.ours->step(Mode::train, x, x).y), 1, 2).values,
            both.affine.beta);
  EXPECT_TRUE(std::isnan(both.torch->step(Mode::train, x, x).y[0]));
}

// torch.nn in Python refuses it too; torch::nn answers, with the rounding errors of x - mean.
TEST(DocumentedDifference, InstanceNormRefusesOnePosition) {
  const Both both(plain(Layer::instance_norm_1d, {3, 2, 1}));
  const Logical x = random_normal({3, 2, 1}, 1);
  EXPECT_ANY_THROW(both.ours->step(Mode::train, x, x));
  EXPECT_EQ(both.torch->step(Mode::train, x, x).y.size(), x.values.size());
}

TEST(DocumentedDifference, InstanceNormCountsItsBatches) {
  const Both both(plain(Layer::instance_norm_1d, {3, 2, 4}));
  const Logical x = random_normal({3, 2, 4}, 1);
  both.ours->step(Mode::train, x, x);
  both.torch->step(Mode::train, x, x);
  EXPECT_EQ(both.ours->running().tracked, 1);
  EXPECT_EQ(both.torch->running().tracked, 0);
}

// PyTorch reads a channels_last dy of one sample, or of one channel, as if it lay as x does.
TEST(DocumentedDifference, InstanceNormOfOneSampleTakesGradientsWithChannelsLast) {
  Configuration configuration = plain(Layer::instance_norm_2d, {1, 3, 4, 5});
  const Logical x = random_normal(configuration.dims, 1), dy = random_normal(configuration.dims, 2);
  for (const Memory memory : {Memory::contiguous, Memory::channels_last}) {
    configuration.layout.torch_memory = memory;
    const Both both(configuration);
    const Values want = group_norm(x, dy, both.affine, 1e-5L, 3).dx.values;
    expect_close("ours", both.ours->step(Mode::train, x, dy).dx, want, 2e-6L);
    const Values torch = both.torch->step(Mode::train, x, dy).dx;
    if (memory == Memory::contiguous) {
      expect_close("PyTorch's", torch, want, 2e-5L);
    } else {
      EXPECT_GT(worst_difference(torch, want), 1);
    }
  }
}

}  // namespace
}  // namespace eigen_norm::test
