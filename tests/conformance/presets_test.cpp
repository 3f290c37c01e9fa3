// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "eigen_norm/eigen_norm.hpp"
#include "support/layer_check.hpp"

// The presets against the rules that Keras and Flax publish, written here in their own terms: the
// weight of the old value, their epsilon, channels last. (PyTorch's and ONNX's are held to their
// data.)
//
// keras.layers.BatchNormalization:
//     moving = moving * momentum + batch * (1 - momentum), the biased variance of the batch,
//     momentum 0.99, epsilon 1e-3
// flax.nnx.BatchNorm:
//     the same, momentum 0.99, epsilon 1e-5
// keras.layers.LayerNormalization, GroupNormalization:
//     epsilon 1e-3; RMSNormalization: 1e-6
// flax.nnx.LayerNorm, GroupNorm, InstanceNorm, RMSNorm:
//     epsilon 1e-6
namespace eigen_norm::test {
namespace {

using Eigen::Index;
using Images = Eigen::Tensor<double, 4, Eigen::RowMajor>;

// (N, H, W, C), small numbers, so that epsilon is seen.
Logical batch(std::uint64_t seed) { return random_normal({4, 3, 2, 6}, seed, 0.02L, 0.03L); }

struct Moving {
  Values mean = Values(6, 0), var = Values(6, 1);
};

void follow(Moving& moving, const Logical& x, Real momentum) {
  for (Index c = 0; c < 6; ++c) {
    Real mean = 0, square = 0, count = 0;
    for_each_index(x.dims, [&](const Dims& i) {
      if (i[3] != c) return;
      mean += x.at(i);
      ++count;
    });
    mean /= count;
    for_each_index(x.dims, [&](const Dims& i) {
      if (i[3] == c) square += (x.at(i) - mean) * (x.at(i) - mean);
    });
    const auto at = static_cast<std::size_t>(c);
    moving.mean[at] = moving.mean[at] * momentum + mean * (1 - momentum);
    moving.var[at] = moving.var[at] * momentum + square / count * (1 - momentum);
  }
}

// xhat by statistics over what `group_of` says, with no gamma and beta: theirs begin as 1 and 0.
template <typename GroupOf>
Logical standardised(const Logical& x, Real epsilon, bool centred, const GroupOf& group_of) {
  std::map<Index, std::vector<Real>> groups;
  for_each_index(x.dims, [&](const Dims& i) { groups[group_of(i)].push_back(x.at(i)); });
  std::map<Index, std::pair<Real, Real>> statistics;
  for (const auto& [group, values] : groups) {
    Real mean = 0, var = 0;
    for (const Real v : values) mean += centred ? v / static_cast<Real>(values.size()) : 0;
    for (const Real v : values) var += (v - mean) * (v - mean) / static_cast<Real>(values.size());
    statistics[group] = {mean, std::sqrt(var + epsilon)};
  }
  Logical y = x;
  for_each_index(x.dims, [&](const Dims& i) {
    const auto [mean, std] = statistics[group_of(i)];
    y.at(i) = (x.at(i) - mean) / std;
  });
  return y;
}

void expect_batch_norm(const BatchNormOptions& options, Real momentum, Real epsilon) {
  BatchNorm2d<double> layer(6, options);
  Moving moving;
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U}) {
    const Logical x = batch(seed);
    follow(moving, x, momentum);
    expect_close("training", from_eigen(layer.forward(to_eigen<Images>(x))),
                 standardised(x, epsilon, true, [](const Dims& i) { return i[3]; }), 1e-13L);
  }
  expect_close("moving_mean", from_parameters(layer.running_mean()), moving.mean, 1e-14L);
  expect_close("moving_variance", from_parameters(layer.running_var()), moving.var, 1e-14L);
  const Logical x = batch(6);
  Logical want = x;
  for_each_index(x.dims, [&](const Dims& i) {
    const auto c = static_cast<std::size_t>(i[3]);
    want.at(i) = (x.at(i) - moving.mean[c]) / std::sqrt(moving.var[c] + epsilon);
  });
  expect_close("inference", from_eigen(layer.infer(to_eigen<Images>(x))), want, 1e-13L);
}

template <typename Layer, typename GroupOf>
void expect_standardised(Layer layer, Real epsilon, const GroupOf& group_of, bool centred = true) {
  const Logical x = batch(7);
  expect_close("y", from_eigen(layer.forward(to_eigen<Images>(x))),
               standardised(x, epsilon, centred, group_of), 1e-12L);
}

Index row_of(const Dims& i) { return (i[0] * 3 + i[1]) * 2 + i[2]; }
Index group_of(const Dims& i) { return i[0] * 3 + i[3] / 2; }
Index instance_of(const Dims& i) { return i[0] * 6 + i[3]; }

TEST(Presets, FollowKeras) {
  expect_batch_norm(BatchNormOptions::keras(), 0.99L, 1e-3L);
  expect_standardised(LayerNorm<double>(6, LayerNormOptions::keras()), 1e-3L, row_of);
  expect_standardised(RMSNorm<double>(6, RMSNormOptions::keras()), 1e-6L, row_of, false);
  expect_standardised(GroupNorm<double>(3, 6, GroupNormOptions::keras()), 1e-3L, group_of);
  expect_standardised(InstanceNorm2d<double>(6, InstanceNormOptions::keras()), 1e-3L, instance_of);
}

TEST(Presets, FollowFlax) {
  expect_batch_norm(BatchNormOptions::flax(), 0.99L, 1e-5L);
  expect_standardised(LayerNorm<double>(6, LayerNormOptions::flax()), 1e-6L, row_of);
  expect_standardised(RMSNorm<double>(6, RMSNormOptions::flax()), 1e-6L, row_of, false);
  expect_standardised(GroupNorm<double>(3, 6, GroupNormOptions::flax()), 1e-6L, group_of);
  expect_standardised(InstanceNorm2d<double>(6, InstanceNormOptions::flax()), 1e-6L, instance_of);
}

}  // namespace
}  // namespace eigen_norm::test
