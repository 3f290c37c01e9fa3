// SPDX-License-Identifier: MIT
#pragma once

#include <unsupported/Eigen/CXX11/Tensor>
#include <vector>

#include "eigen_norm/eigen_norm.hpp"

/// One training step of every layer, large enough for threads, as one list of numbers.

namespace eigen_norm::test {

template <typename X>
void fill(X& x, int seed) {
  for (Index i = 0; i < x.size(); ++i) {
    x.data()[i] = static_cast<float>((i * 7919 + seed) % 1009) / 100.0F - 3.0F;
  }
}

/// Everything that forward, backward, from x and from y, and infer compute, one number after the
/// other.
template <typename Layer, typename X>
std::vector<float> training_step(Layer layer, X x) {
  X dy = x;
  fill(x, 1);
  fill(dy, 2);
  const X y = layer.forward(x), dx = layer.backward(x, dy), z = layer.infer(x);
  const X dx_from_y = layer.backward_from_output(y, dy);
  std::vector<float> all;
  for (const X* each : {&y, &dx, &z, &dx_from_y}) {
    all.insert(all.end(), each->data(), each->data() + each->size());
  }
  for (const auto* each : {&layer.gamma_grad(), &layer.beta_grad()}) {
    all.insert(all.end(), each->begin(), each->end());
  }
  return all;
}

/// f(name, step) for every layer and layout; step() is its training_step.
template <typename F>
void for_each_training_step(const F& f) {
  using Images = Eigen::Tensor<float, 4, Eigen::RowMajor>;
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto with = [&](const char* name, const auto& layer, const auto& x) {
    f(name, [&] { return training_step(layer, x); });
  };
  BatchNormOptions batch_last;
  batch_last.channels = ChannelAxis::last;
  GroupNormOptions group_last;
  group_last.channels = ChannelAxis::last;
  with("BatchNorm2d", BatchNorm2d<float>(24), Images(16, 24, 20, 21));
  with("BatchNorm2d, last", BatchNorm2d<float>(24, batch_last), Images(16, 20, 21, 24));
  with("BatchNorm1d", BatchNorm1d<float>(700), Rows(701, 700));
  with("BatchNorm1d, columns", BatchNorm1d<float>(300), Eigen::MatrixXf(997, 300));
  with("LayerNorm", LayerNorm<float>(300), Rows(1501, 300));
  with("RMSNorm", RMSNorm<float>(300), Rows(1501, 300));
  with("LayerNorm, columns", LayerNorm<float>(300), Eigen::MatrixXf(1501, 300));
  InstanceNormOptions tracking;
  tracking.gamma = tracking.beta = tracking.track_running_stats = true;
  with("InstanceNorm", InstanceNorm2d<float>(24, tracking), Images(16, 24, 20, 21));
  with("GroupNorm", GroupNorm<float>(4, 24), Images(16, 24, 20, 21));
  with("GroupNorm, one sample", GroupNorm<float>(8, 64), Images(1, 64, 64, 64));
  with("GroupNorm, last", GroupNorm<float>(4, 24, group_last), Images(16, 20, 21, 24));
}

}  // namespace eigen_norm::test
