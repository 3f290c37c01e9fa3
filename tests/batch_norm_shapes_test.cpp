// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "eigen_norm/batch_norm.hpp"
#include "support/layer_check.hpp"
#include "support/shapes.hpp"

// Every awkward shape, with and without gamma and beta, channels first and last, in both storage
// orders and both scalars, in training and in eval, against the definition.
namespace eigen_norm::test {
namespace {

Values running_mean_of(Index channels) { return random_normal({channels}, 31, 0.5L).values; }
Values running_var_of(Index channels) { return random_uniform({channels}, 32, 0.5L, 2).values; }

template <int Rank>
void swap_channels_last(Logical& x) {
  x = permuted(x, order_with_channels_last(Rank));
}

template <typename Layer, int Rank>
void expect_mode(const Logical& x, const Logical& dy, const Affine& affine, ChannelAxis channels,
                 bool training) {
  const Index axis = channels == ChannelAxis::first ? 1 : Rank - 1;
  const Index size = x.dims[static_cast<std::size_t>(axis)];
  BatchNormOptions options;
  options.eps = 1e-3;
  options.gamma = !affine.gamma.empty();
  options.beta = !affine.beta.empty();
  options.channels = channels;
  Layer layer(size, options);
  set_affine(layer, affine);
  copy_to_parameters(running_mean_of(size), layer.running_mean());
  copy_to_parameters(running_var_of(size), layer.running_var());
  layer.train(training);

  const Real eps = Real(options.eps);
  const Reference given =
      batch_norm_eval(x, dy, affine, eps, running_mean_of(size), running_var_of(size), axis);
  const Example example{x, dy, training ? batch_norm(x, dy, affine, eps, axis) : given, given.y};
  SCOPED_TRACE(training ? "training" : "eval");
  expect_both_orders<Rank>(layer, example);
}

template <typename Layer, int Rank>
void expect_every_shape() {
  for (const NamedShape& shape : channel_shapes()) {
    if (shape.dims.size() != Rank) continue;
    SCOPED_TRACE(shape.name);
    for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
      SCOPED_TRACE(channels == ChannelAxis::first ? "channels first" : "channels last");
      Logical x = random_normal(shape.dims, 1, 0.5L, 2);
      Logical dy = random_normal(shape.dims, 2);
      if (channels == ChannelAxis::last) {
        swap_channels_last<Rank>(x);
        swap_channels_last<Rank>(dy);
      }
      for_each_affine(shape.dims[1], [&](const Affine& affine) {
        for (const bool training : {true, false}) {
          expect_mode<Layer, Rank>(x, dy, affine, channels, training);
        }
      });
    }
  }
}

TEST(BatchNorm1d, FollowsTheDefinitionOnEveryMatrixShapeInFloat) {
  expect_every_shape<BatchNorm1d<float>, 2>();
}
TEST(BatchNorm1d, FollowsTheDefinitionOnEveryMatrixShapeInDouble) {
  expect_every_shape<BatchNorm1d<double>, 2>();
}
TEST(BatchNorm1d, FollowsTheDefinitionOnEverySequenceShapeInFloat) {
  expect_every_shape<BatchNorm1d<float>, 3>();
}
TEST(BatchNorm1d, FollowsTheDefinitionOnEverySequenceShapeInDouble) {
  expect_every_shape<BatchNorm1d<double>, 3>();
}
TEST(BatchNorm2d, FollowsTheDefinitionOnEveryImageShapeInFloat) {
  expect_every_shape<BatchNorm2d<float>, 4>();
}
TEST(BatchNorm2d, FollowsTheDefinitionOnEveryImageShapeInDouble) {
  expect_every_shape<BatchNorm2d<double>, 4>();
}

TEST(BatchNorm3d, FollowsTheDefinitionOnEveryBoxShapeInFloat) {
  expect_every_shape<BatchNorm3d<float>, 5>();
}
TEST(BatchNorm3d, FollowsTheDefinitionOnEveryBoxShapeInDouble) {
  expect_every_shape<BatchNorm3d<double>, 5>();
}

}  // namespace
}  // namespace eigen_norm::test
