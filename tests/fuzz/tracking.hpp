// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>

#include "fuzz/layers.hpp"

// Layers that may keep running statistics: their options, their modes, and what a batch does to
// what they keep.
namespace eigen_norm::test::fuzz {

template <typename Options>
Options tracking_options_of(Input& in) {
  Options options;
  options.eps = eps_of(in);
  options.momentum = in.pick<double>({0.1, 0.1, 0.5, 0, 1, 2, -0.5, 1e-300, NAN});
  if (in.one_in(4)) options.momentum = std::nullopt;
  options.gamma = in.flag();
  options.beta = in.flag();
  options.track_running_stats = !in.one_in(4);
  options.running_variance = in.flag() ? RunningVariance::biased : RunningVariance::unbiased;
  options.channels = channel_axis_of(in);
  return options;
}

// Train, eval, freeze, and sometimes running statistics of the input's choice.
template <typename Layer>
void change_mode(Input& in, Layer& layer) {
  using P = Param<typename Layer::Scalar>;
  layer.train(!in.one_in(3));
  const bool tracks = layer.options().track_running_stats;
  if (in.one_in(4)) Refusal([&] { layer.freeze(); }).require_to_be(!tracks, "freeze");
  if (in.one_in(3)) layer.unfreeze();
  if (in.one_in(8)) layer.reset_running_stats();
  if (!tracks || !in.one_in(4)) return;
  copy_to_parameters(numbers<P>(in, layer.num_features()), layer.running_mean());
  Values var = numbers<P>(in, layer.num_features());
  if (!in.one_in(4)) {
    for (Real& value : var) value = std::abs(value);
  }
  copy_to_parameters(var, layer.running_var());
}

template <typename Layer>
bool by_running(const Layer& layer, bool inference) {
  return layer.options().track_running_stats &&
         (inference || layer.is_frozen() || !layer.is_training());
}

template <typename Layer>
Question question_of_running(const Layer& layer, const Logical& x, const Logical& dy,
                             const Affine& affine, const Sharing& sharing) {
  Question question{x, dy, affine, sharing};
  question.own = false;
  question.want =
      normalized_by(from_parameters(layer.running_mean()), from_parameters(layer.running_var()), x,
                    dy, affine, static_cast<Real>(layer.options().eps), sharing);
  return question;
}

// What a batch is remembered by: mean and variance by channel, and the standard deviation that
// errors of the mean are relative to.
struct Remembered {
  Values mean, var, sigma;
  bool in_range = true;
};

// By channel, averaged over the sets of statistics by channel that the question is of, those of one
// value left out; nothing where none is left.
template <typename Layer>
std::optional<Remembered> remembered(const Question& question, const Layer& layer) {
  using Accuracy = Precision<Param<typename Layer::Scalar>>;
  const auto channels = static_cast<std::size_t>(layer.num_features());
  const Reference& want = question.want;
  const bool unbiased = layer.options().running_variance == RunningVariance::unbiased;
  Remembered batch{Values(channels, 0), Values(channels, 0), Values(channels, 0)};
  Values values(want.mean.size(), 0);
  for_each_index(question.x.dims, [&](const Dims& at) {
    if (!question.sharing.is_counted(at)) return;
    values[question.sharing.statistic_of(at)] += 1;
    // In float all sums are in double.
    batch.in_range = batch.in_range && (std::is_same_v<typename Layer::Scalar, float> ||
                                        std::abs(question.x.at(at)) <= Accuracy::largest);
  });
  Real sets = 0;
  for (std::size_t s = 0; s < values.size(); s += channels) sets += values[s] > 1 ? 1 : 0;
  if (sets == 0) return std::nullopt;
  for (std::size_t s = 0; s < values.size(); ++s) {
    if (values[s] < 2) continue;
    batch.mean[s % channels] += want.mean[s] / sets;
    batch.var[s % channels] += (unbiased ? want.unbiased_var[s] : want.var[s]) / sets;
    batch.sigma[s % channels] += std::sqrt(want.var[s]) / sets;
    if (want.var[s] > 0 && want.var[s] < Accuracy::least_variance) batch.in_range = false;
  }
  return batch;
}

template <typename Layer>
void check_running_kept(const Layer& before, const Layer& after) {
  require_same(from_parameters(after.running_mean()), from_parameters(before.running_mean()),
               "running_mean has changed");
  require_same(from_parameters(after.running_var()), from_parameters(before.running_var()),
               "running_var has changed");
  require(after.num_batches_tracked() == before.num_batches_tracked() &&
              after.num_batches_skipped() == before.num_batches_skipped(),
          "a batch is counted that is not remembered");
}

// The running statistics have taken a batch in, or have left it out as a whole and counted it.
template <typename Layer>
void check_running(const Layer& before, const Layer& after, const Remembered& batch) {
  using P = Param<typename Layer::Scalar>;
  using Accuracy = Precision<typename Layer::Scalar>;
  const Values old_mean = from_parameters(before.running_mean()),
               old_var = from_parameters(before.running_var()),
               mean = from_parameters(after.running_mean()),
               var = from_parameters(after.running_var());
  const Index tracked = after.num_batches_tracked() - before.num_batches_tracked();
  const Index skipped = after.num_batches_skipped() - before.num_batches_skipped();
  require(tracked + skipped == 1 && (tracked == 0 || skipped == 0), "a batch is counted once");
  if (skipped == 1) {
    require_same(mean, old_mean, "a batch that was skipped changed running_mean");
    require_same(var, old_var, "a batch that was skipped changed running_var");
  }
  const double momentum = before.options().momentum.value_or(
      1.0 / static_cast<double>(before.num_batches_tracked() + 1));
  const Real of_new = static_cast<Real>(momentum), of_old = static_cast<Real>(1 - momentum);
  constexpr Real most = std::numeric_limits<P>::max();
  Real largest = 0;
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const Real want_mean = of_old * old_mean[c] + of_new * batch.mean[c];
    const Real want_var = of_old * old_var[c] + of_new * batch.var[c];
    for (const Real value : {batch.mean[c], want_mean, want_var}) {
      largest = std::isfinite(value) ? std::max(largest, std::abs(value)) : INFINITY;
    }
    if (skipped == 1) continue;
    require(std::isfinite(mean[c]) && std::isfinite(var[c]), "a running value is not finite");
    if (!batch.in_range) continue;
    const auto near = [](Real got, Real want, Real scale, const char* what) {
      require(std::abs(got - want) <= Accuracy::relative * scale + 4 * Accuracy::least, what);
    };
    near(mean[c], want_mean,
         std::abs(of_old * old_mean[c]) +
             std::abs(of_new) * (std::abs(batch.mean[c]) + batch.sigma[c]),
         "running_mean");
    const Real of_mean = Accuracy::of_mean * std::abs(batch.mean[c]);
    const Real var_terms = batch.var[c] + of_mean * (batch.sigma[c] + Accuracy::relative * of_mean);
    near(var[c], want_var, std::abs(of_old * old_var[c]) + std::abs(of_new) * var_terms,
         "running_var");
  }
  if (!batch.in_range && std::isfinite(largest)) return;
  if (largest > 1.001L * most) require(skipped == 1, "a batch that is not finite is taken in");
  if (largest < 0.999L * most) require(tracked == 1, "a finite batch is skipped");
}

// What a forward that was not empty owes to the running statistics.
template <typename Layer>
void check_after_forward(const Layer& before, const Layer& after, const Question& question) {
  const bool tracks = question.own && before.options().track_running_stats;
  const auto batch = tracks ? remembered(question, before) : std::nullopt;
  if (batch) return check_running(before, after, *batch);
  check_running_kept(before, after);
}

}  // namespace eigen_norm::test::fuzz
