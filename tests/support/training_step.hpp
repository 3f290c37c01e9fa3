// SPDX-License-Identifier: MIT
#pragma once

#include <unsupported/Eigen/CXX11/Tensor>
#include <vector>

#include "eigen_norm/eigen_norm.hpp"
#include "support/conditions.hpp"

/// One training step of every layer, large enough for threads, as one list of numbers.

namespace eigen_norm::test {

/// Everything that was computed, one number after the other.
class Numbers {
 public:
  template <typename... Objects>
  void add(const Objects&... objects) {
    (all_.insert(all_.end(), objects.data(), objects.data() + objects.size()), ...);
  }
  template <typename Statistics>
  void add_in_float(const Statistics& statistics) {
    for (const double value : statistics) all_.push_back(static_cast<float>(value));
  }
  const std::vector<float>& all() const { return all_; }

 private:
  std::vector<float> all_;
};

/// What forward, backward, from x and, where there are no conditions, from y, and infer compute.
template <typename Layer, typename X, typename... Conditions>
std::vector<float> training_step(Layer layer, X x, Conditions... conditions) {
  X dy = x;
  fill(x, 1);
  fill(dy, 2);
  const X y = layer.forward(x, conditions...), dx = layer.backward(x, dy, conditions...);
  Numbers numbers;
  numbers.add(y, dx, layer.infer(x, conditions...));
  if constexpr (sizeof...(Conditions) == 0) numbers.add(layer.backward_from_output(y, dy));
  numbers.add(layer.gamma_grad(), layer.beta_grad());
  (add_gradients(numbers, conditions), ...);
  return numbers.all();
}

/// What a pass in four steps computes (see SplitBatch), over two parts: x and x again.
template <typename Layer, typename X>
std::vector<float> split_step(Layer layer, X x) {
  X dy = x;
  fill(x, 1);
  fill(dy, 2);
  typename Layer::Statistics statistics = layer.batch_statistics(x);
  statistics.merge(layer.batch_statistics(dy));
  typename Layer::Gradients gradients = layer.gradient_sums(statistics, x, dy);
  gradients.merge(layer.gradient_sums(statistics, dy, x));
  Numbers numbers;
  numbers.add(layer.forward_by(statistics, x));
  numbers.add(layer.backward_by(statistics, gradients, x, dy));
  for (const auto* each : {&statistics.mean, &statistics.m2, &gradients.dgamma, &gradients.dbeta}) {
    numbers.add_in_float(*each);
  }
  return numbers.all();
}

/// f(name, layer, x, conditions...) for every layer, layout and condition. x is not filled.
template <typename F>
void for_each_layer(const F& f) {
  using Images = Eigen::Tensor<float, 4, Eigen::RowMajor>;
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  BatchNormOptions batch_last, untracked;
  untracked.track_running_stats = false;
  batch_last.channels = ChannelAxis::last;
  GroupNormOptions group_last;
  group_last.channels = ChannelAxis::last;
  InstanceNormOptions tracking;
  tracking.gamma = tracking.beta = tracking.track_running_stats = true;
  f("BatchNorm2d", BatchNorm2d<float>(24), Images(16, 24, 20, 21));
  f("BatchNorm2d, untracked", BatchNorm2d<float>(24, untracked), Images(16, 24, 20, 21));
  f("BatchNorm2d, last", BatchNorm2d<float>(24, batch_last), Images(16, 20, 21, 24));
  f("BatchNorm1d", BatchNorm1d<float>(700), Rows(701, 700));
  f("BatchNorm1d, columns", BatchNorm1d<float>(300), Eigen::MatrixXf(997, 300));
  f("LayerNorm", LayerNorm<float>(300), Rows(1501, 300));
  f("RMSNorm", RMSNorm<float>(300), Rows(1501, 300));
  f("LayerNorm, columns", LayerNorm<float>(300), Eigen::MatrixXf(1501, 300));
  f("InstanceNorm", InstanceNorm2d<float>(24, tracking), Images(16, 24, 20, 21));
  f("GroupNorm", GroupNorm<float>(4, 24), Images(16, 24, 20, 21));
  f("GroupNorm, one sample", GroupNorm<float>(8, 64), Images(1, 64, 64, 64));
  f("GroupNorm, last", GroupNorm<float>(4, 24, group_last), Images(16, 20, 21, 24));

  // Samples, and stretches of a mask, that are large enough by themselves.
  const Images first(3, 24, 40, 41), last(3, 40, 41, 24), sequences(3, 2, 60, 300);
  batch_last.gamma = batch_last.beta = false;
  group_last.gamma = group_last.beta = false;
  const InstanceNormOptions instance;
  LayerNormOptions layer;
  layer.gamma = layer.beta = false;
  RMSNormOptions rms;
  rms.gamma = false;
  const auto under_conditions = [&](const char* name, const auto& bare, const Images& x,
                                    const Mask& mask, const PerSample<float>& per_sample) {
    f(name, bare, x, mask);
    f(name, bare, x, per_sample);
    f(name, bare, x, mask, per_sample);
  };
  const Mask positions = mask_of(3, 40, 41), elements = mask_of(3, 2, 60, 300);
  const PerSample<float> by_channel = per_sample_of(3, 24), by_feature = per_sample_of(3, 300);
  under_conditions("BatchNorm2d, last, conditioned", BatchNorm2d<float>(24, batch_last), last,
                   positions, by_channel);
  under_conditions("GroupNorm, last, conditioned", GroupNorm<float>(4, 24, group_last), last,
                   positions, by_channel);
  under_conditions("InstanceNorm, conditioned", InstanceNorm2d<float>(24, instance), first,
                   positions, by_channel);
  under_conditions("LayerNorm, conditioned", LayerNorm<float>(300, layer), sequences, elements,
                   by_feature);
  under_conditions("RMSNorm, conditioned", RMSNorm<float>(300, rms), sequences, elements,
                   by_feature);
}

/// f(name, step) for each of them, and for batches in parts; step() is its training_step.
template <typename F>
void for_each_training_step(const F& f) {
  for_each_layer([&](const char* name, const auto& layer, const auto& x, const auto&... given) {
    f(name, [&] { return training_step(layer, x, given...); });
  });
  const BatchNorm2d<float> images(24);
  const BatchNorm1d<float> columns(700);
  f("BatchNorm2d in parts",
    [&] { return split_step(images, Eigen::Tensor<float, 4, Eigen::RowMajor>(16, 24, 20, 21)); });
  f("BatchNorm1d in parts", [&] { return split_step(columns, Eigen::MatrixXf(701, 700)); });
}

}  // namespace eigen_norm::test
