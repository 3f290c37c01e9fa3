// SPDX-License-Identifier: MIT
#include "eigen_norm/batch_norm.hpp"

#include "fuzz/exercise.hpp"
#include "fuzz/target.hpp"
#include "fuzz/tracking.hpp"

// BatchNorm in every mode, of whole and virtual batches, renormalised or not.
namespace eigen_norm::test::fuzz {
namespace {

std::optional<BatchRenorm> renorm_of(Input& in) {
  if (!in.one_in(5)) return std::nullopt;
  return BatchRenorm{in.pick<double>({3, 1, 1.5, 1e6, 0.5, NAN}),
                     in.pick<double>({5, 0, 0.25, 1e6, -1, NAN})};
}

bool is_valid(const BatchNormOptions& options) {
  if (!is_eps(options.eps) || options.virtual_batch_size.value_or(1) < 1) return false;
  if (!options.renorm) return true;
  return options.renorm->r_max >= 1 && options.renorm->d_max >= 0 && options.track_running_stats &&
         !options.virtual_batch_size;
}

Index axis_of(const BatchNormOptions& options, Index rank) {
  return options.channels == ChannelAxis::first ? 1 : rank - 1;
}

// One statistic for each channel and virtual batch.
Sharing sharing_of_batches(const Dims& dims, const BatchNormOptions& options) {
  Sharing sharing = by_channel(dims, axis_of(options, static_cast<Index>(dims.size())));
  if (!options.virtual_batch_size) return sharing;
  const Index size = *options.virtual_batch_size;
  const Membership channel_of = sharing.parameter_of;
  const std::size_t channels = sharing.parameters;
  sharing.statistics *= static_cast<std::size_t>(dims[0] / size);
  sharing.statistic_of = [=](const Dims& at) {
    return static_cast<std::size_t>(at[0] / size) * channels + channel_of(at);
  };
  return sharing;
}

// gamma and beta as renormalisation makes them, and dgamma of what it scales.
template <typename Layer>
Question renormalised(const Layer& layer, Question question) {
  const BatchRenorm limits = *layer.options().renorm;
  const Values mean = from_parameters(layer.running_mean()),
               var = from_parameters(layer.running_var());
  const std::size_t channels = mean.size();
  Affine& affine = question.affine;
  if (affine.gamma.empty()) affine.gamma.assign(channels, 1);
  if (affine.beta.empty()) affine.beta.assign(channels, 0);
  const auto eps = static_cast<Real>(layer.options().eps);
  for (std::size_t c = 0; c < channels; ++c) {
    const Real squared = var[c] + eps, running_std = std::sqrt(squared);
    const Real inv_std = question.want.inv_std[c], distance = question.want.mean[c] - mean[c];
    const Real ratio = inv_std == 0 ? 1 : 1 / (inv_std * running_std);
    const Real r = std::clamp<Real>(ratio, 1 / limits.r_max, limits.r_max);
    const Real d =
        distance == 0 ? 0 : std::clamp<Real>(distance / running_std, -limits.d_max, limits.d_max);
    question.d_terms.push_back(std::abs(d) + ratio);  // the mean is known to a part of sigma
    question.beta_terms.push_back(std::abs(affine.beta[c]) +
                                  std::abs(affine.gamma[c]) * question.d_terms[c]);
    affine.beta[c] += affine.gamma[c] * d;
    affine.gamma[c] = rounded<Param<typename Layer::Scalar>>(affine.gamma[c] * r);
    question.r.push_back(r);
    question.d.push_back(d);
  }
  question.want = normalized(question.x, question.dy, affine, eps, question.sharing);
  return question;
}

template <typename Layer>
Rules<Layer> rules_for(const Dims& dims, const BatchNormOptions& options) {
  const auto rank = static_cast<Index>(dims.size());
  Rules<Layer> rules;
  rules.refuses = [=](const Layer& layer, bool inference) {
    if (by_running(layer, inference)) return false;
    const Index size = options.virtual_batch_size.value_or(std::max<Index>(1, dims[0]));
    return dims[0] % size != 0 ||
           count(dims) == layer.num_features() * std::max<Index>(1, dims[0] / size);
  };
  rules.ask = [=](const Layer& layer, const Logical& x, const Logical& dy, bool inference) {
    if (by_running(layer, inference)) {
      return question_of_running(layer, x, dy, affine_of(layer),
                                 by_channel(dims, axis_of(options, rank)));
    }
    const Question question =
        question_of_own(x, dy, affine_of(layer), options.eps, sharing_of_batches(dims, options));
    return options.renorm ? renormalised(layer, question) : question;
  };
  rules.after_forward = [](const Layer& before, const Layer& after, const Question& question) {
    check_after_forward(before, after, question);
  };
  return rules;
}

template <template <typename, int> class BatchNorm, typename Scalar, int Rank, int Order>
void run(Input& in) {
  using Layer = BatchNorm<Scalar, Eigen::Dynamic>;
  auto options = tracking_options_of<BatchNormOptions>(in);
  if (in.one_in(4)) options.virtual_batch_size = in.between(0, 4);
  options.renorm = renorm_of(in);
  const Index channels = in.size(1100);
  auto layer = made<Layer>(is_valid(options), [&] { return Layer(channels, options); });
  if (!layer) return;
  fill_affine(in, *layer);
  for (Index rounds = in.between(1, 3); rounds > 0; --rounds) {
    change_mode(in, *layer);
    const Dims dims = channel_dims(in, Rank, axis_of(options, Rank), channels);
    const Rules<Layer> rules = rules_for<Layer>(dims, options);
    Exercise<Layer, Rank, Order>(in, *layer, rules).run(dims);
  }
}

constexpr Run runs[] = {
    run<BatchNorm1d, float, 2, Eigen::RowMajor>,  run<BatchNorm1d, float, 2, Eigen::ColMajor>,
    run<BatchNorm1d, float, 3, Eigen::RowMajor>,  run<BatchNorm1d, float, 3, Eigen::ColMajor>,
    run<BatchNorm2d, float, 4, Eigen::RowMajor>,  run<BatchNorm2d, float, 4, Eigen::ColMajor>,
    run<BatchNorm1d, double, 2, Eigen::RowMajor>, run<BatchNorm1d, double, 3, Eigen::RowMajor>,
    run<BatchNorm2d, double, 4, Eigen::ColMajor>,
};

}  // namespace
}  // namespace eigen_norm::test::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return eigen_norm::test::fuzz::run_one(eigen_norm::test::fuzz::runs, data, size);
}
