// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "claims/study.hpp"

namespace claims {

/// The running statistics of one name, "running_mean" or "running_var", of all layers.
inline Eigen::ArrayXd running(Mlp& model, std::string_view wanted) {
  std::vector<double> all;
  nn::for_each_state(model, [&](std::string_view name, auto& value) {
    if constexpr (!std::is_same_v<decltype(value), Index&>) {
      const auto elements = nn::flat(value);
      if (name == wanted) all.insert(all.end(), elements.begin(), elements.end());
    }
  });
  return Eigen::Map<Eigen::ArrayXd>(all.data(), static_cast<Index>(all.size()));
}

/// A network with the parameters of `model` whose running statistics are those of all training
/// samples, as one batch that counts whole.
inline Mlp with_exact_statistics(Mlp& model, MlpShape shape, const Samples& train) {
  std::vector<Eigen::ArrayXf> parameters;
  model.for_each_parameter(
      [&](std::string_view, auto& value, auto&) { parameters.emplace_back(nn::flat(value)); });
  shape.momentum = 1.0;
  nn::Random random(0);
  Mlp exact = make_mlp(Norm::batch, shape, random);
  auto next = parameters.begin();
  exact.for_each_parameter(
      [&](std::string_view, auto& value, auto&) { nn::flat(value) = *next++; });
  exact.forward(train.pixels);
  return exact;
}

/// What may stand in place of a momentum.
constexpr double cumulative = 0.0;  ///< the average of all batches
constexpr double exact = -1.0;      ///< once all is learned, the statistics of all training samples

inline std::string momentum_name(double momentum) {
  if (momentum == exact) return "all training samples";
  return momentum == cumulative ? "cumulative average" : number(momentum);
}

/// The test loss, and how far the running means are off: the root of the mean square over all
/// channels, in deviations of the channel.
inline Outcome try_momentum(const Data& data, double momentum, const Training& training,
                            std::uint64_t seed) {
  nn::Random random(seed);
  MlpShape shape{data.train.pixels.cols(), 3, 64};
  if (momentum != exact) {
    shape.momentum = momentum == cumulative ? std::nullopt : std::optional<double>(momentum);
  }
  Mlp model = make_mlp(Norm::batch, shape, random);
  train(model, data.train.pixels, data.train.labels, training, 1, random);
  Mlp reference = with_exact_statistics(model, shape, data.train);
  if (momentum == exact) model = reference;
  const Eigen::ArrayXd off = (running(model, "running_mean") - running(reference, "running_mean")) /
                             running(reference, "running_var").sqrt();
  return {{judge(model, data.test.pixels, data.test.labels).loss, std::sqrt(off.square().mean())},
          {}};
}

/// Claims: a small momentum averages the noise of batches away but lags behind, a large one follows
/// the noise, all the more the smaller the batch. Momentum does not change what is learned, only
/// what inference normalises by.
inline void study_momentum(const Settings& settings) {
  Study study{
      "momentum", "momentum", {{"Test loss", 3}, {"Error of the running mean in σ", 3}}, {}};
  study.x_text = momentum_name;
  for (const Index batch_size : {4, 16, 64}) {
    for (const double momentum : {0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, cumulative, exact}) {
      const auto samples = static_cast<double>(batch_size);
      const Training training{batch_size, 0.03 * samples / 64, 1};
      add_seeds(study.runs, settings,
                {"batches of " + number(samples), momentum, training.rate, 0, {}},
                [&settings, momentum, training](std::uint64_t seed) {
                  return try_momentum(settings.data, momentum, training, seed);
                });
    }
  }
  write_points(study, settings, summarise(study.runs, carry_out(study, settings)));
}

}  // namespace claims
