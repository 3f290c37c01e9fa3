// SPDX-License-Identifier: MIT
#include "eigen_norm/instance_norm.hpp"

#include "fuzz/exercise.hpp"
#include "fuzz/target.hpp"
#include "fuzz/tracking.hpp"

// InstanceNorm of batches and of single samples, with running statistics and without.
namespace eigen_norm::test::fuzz {
namespace {

// (N, C, spatial...), or (C, spatial...) where `batched` is false.
struct Kind {
  bool batched;
  Index channel_axis;

  Index samples(const Dims& dims) const { return batched ? dims[0] : 1; }
};

template <typename Layer>
Rules<Layer> rules_for(const Dims& dims, const Kind& kind) {
  const Sharing by_running_statistics = by_channel(dims, kind.channel_axis);
  Sharing own = by_running_statistics;
  if (kind.batched)
    own = by_group(dims, dims.at(static_cast<std::size_t>(kind.channel_axis)), kind.channel_axis);
  Rules<Layer> rules;
  rules.refuses = [=](const Layer& layer, bool inference) {
    const Index samples = kind.samples(dims);
    return !by_running(layer, inference) && samples > 0 &&
           count(dims) == samples * layer.num_features();
  };
  rules.ask = [=](const Layer& layer, const Logical& x, const Logical& dy, bool inference) {
    if (by_running(layer, inference)) {
      return question_of_running(layer, x, dy, affine_of(layer), by_running_statistics);
    }
    return question_of_own(x, dy, affine_of(layer), layer.options().eps, own);
  };
  rules.after_forward = [](const Layer& before, const Layer& after, const Question& question) {
    check_after_forward(before, after, question);
  };
  return rules;
}

template <template <typename, int> class InstanceNorm, typename Scalar, int Rank, int Order,
          int SpatialRank = Rank - 2>
void run(Input& in) {
  using Layer = InstanceNorm<Scalar, Eigen::Dynamic>;
  const auto options = tracking_options_of<InstanceNormOptions>(in);
  const Index channels = in.size(1100);
  auto layer = made<Layer>(is_eps(options.eps), [&] { return Layer(channels, options); });
  if (!layer) return;
  fill_affine(in, *layer);
  const bool batched = Rank == SpatialRank + 2;
  const Kind kind{batched, options.channels == ChannelAxis::last ? Rank - 1 : batched ? 1 : 0};
  for (Index rounds = in.between(1, 3); rounds > 0; --rounds) {
    change_mode(in, *layer);
    const Dims dims = channel_dims(in, Rank, kind.channel_axis, channels);
    const Rules<Layer> rules = rules_for<Layer>(dims, kind);
    Exercise<Layer, Rank, Order>(in, *layer, rules).run(dims);
  }
}

constexpr Run runs[] = {
    run<InstanceNorm1d, float, 3, Eigen::RowMajor>,
    run<InstanceNorm1d, float, 3, Eigen::ColMajor>,
    run<InstanceNorm1d, float, 2, Eigen::RowMajor, 1>,
    run<InstanceNorm1d, float, 2, Eigen::ColMajor, 1>,
    run<InstanceNorm2d, float, 4, Eigen::RowMajor>,
    run<InstanceNorm2d, double, 4, Eigen::ColMajor>,
    run<InstanceNorm2d, double, 3, Eigen::RowMajor, 2>,
    run<InstanceNorm1d, double, 3, Eigen::RowMajor>,
};

}  // namespace
}  // namespace eigen_norm::test::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return eigen_norm::test::fuzz::run_one(eigen_norm::test::fuzz::runs, data, size);
}
