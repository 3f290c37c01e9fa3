// SPDX-License-Identifier: MIT
#include "eigen_norm/eigen_norm.hpp"
#include "fuzz/conditions.hpp"
#include "fuzz/exercise.hpp"
#include "fuzz/target.hpp"
#include "fuzz/tracking.hpp"

// Every layer under a mask, and with a scale and shift per sample.
namespace eigen_norm::test::fuzz {
namespace {

// A layer's definition, of inputs of one shape: what shares what by its own statistics, and by
// running ones where it keeps some.
struct Case {
  Dims dims, mask_dims;
  Index parameters;
  Sharing own, running;
  bool one_value = false;    // the whole input is one value for each statistic
  bool mask_of_one = false;  // a mask of one place is an error
};

Dims without(Dims dims, Index axis) {
  dims.erase(dims.begin() + axis);
  return dims;
}

// Each sample has parameters of its own.
Sharing by_sample(Sharing sharing, Index samples) {
  const Membership parameter_of = sharing.parameter_of;
  const std::size_t parameters = sharing.parameters;
  sharing.parameters *= static_cast<std::size_t>(samples);
  sharing.parameter_of = [=](const Dims& at) {
    return static_cast<std::size_t>(at[0]) * parameters + parameter_of(at);
  };
  return sharing;
}

// Which elements a mask counts, of positions or of elements.
std::function<bool(const Dims&)> counted(const Logical& counts, const Case& c, Index channel_axis) {
  const bool of_elements = c.mask_dims == c.dims;
  return
      [=](const Dims& at) { return counts.at(of_elements ? at : without(at, channel_axis)) != 0; };
}

template <typename Layer>
bool is_by_running(const Layer& layer, bool inference) {
  if constexpr (has_running_statistics<Layer>) {
    return by_running(layer, inference);
  } else {
    return false;
  }
}

template <typename Layer, typename P>
Rules<Layer> rules_for(const Case& c, Index channel_axis, const Conditions<P>& given, double eps) {
  Rules<Layer> rules;
  rules.refuses = [=](const Layer& layer, bool inference) {
    if (is_by_running(layer, inference)) return false;
    if (!given.mask) return c.one_value;
    return c.mask_of_one && given.mask->count(0, given.mask->shape().size()) == 1;
  };
  rules.ask = [=](const Layer& layer, const Logical& x, const Logical& dy, bool inference) {
    const bool running = is_by_running(layer, inference);
    Sharing sharing = running ? c.running : c.own;
    if (given.affine) sharing = by_sample(sharing, c.dims[0]);
    if constexpr (has_running_statistics<Layer>) {
      if (running) return question_of_running(layer, x, dy, given.affine_of(layer), sharing);
    }
    if (given.mask) sharing.counts = counted(given.counts, c, channel_axis);
    return question_of_own(x, dy, given.affine_of(layer), eps, sharing);
  };
  rules.after_forward = [](const Layer& before, const Layer& after, const Question& question) {
    if constexpr (has_running_statistics<Layer>) check_after_forward(before, after, question);
  };
  return rules;
}

template <typename Scalar, int Rank, int Order, typename Layer>
void run_rounds(Input& in, Layer& layer, bool per_sample, double eps, Index channel_axis,
                const std::function<Case()>& next_case) {
  using P = Param<Scalar>;
  fill_affine(in, layer);
  for (Index rounds = in.between(1, 2); rounds > 0; --rounds) {
    if constexpr (has_running_statistics<Layer>) change_mode(in, layer);
    const Case c = next_case();
    const auto given = conditions_of<P>(in, c.mask_dims, c.dims[0], c.parameters, per_sample);
    const Rules<Layer> rules = rules_for<Layer>(c, channel_axis, given, eps);
    Exercise<Layer, Rank, Order, Conditions<P>>(in, layer, rules, given).run(c.dims);
  }
}

constexpr Index most_channels = 300;

// make_case(dims, channels, channel axis)
template <typename Layer, typename Options, int Rank, int Order, typename MakeCase>
void run_tracking(Input& in, const MakeCase& make_case) {
  auto options = tracking_options_of<Options>(in);
  const bool per_sample = in.flag();
  if (per_sample) options.gamma = options.beta = false;
  const Index channels = in.size(most_channels);
  const Index axis = options.channels == ChannelAxis::first ? 1 : Rank - 1;
  auto layer = made<Layer>(is_eps(options.eps), [&] { return Layer(channels, options); });
  if (!layer) return;
  run_rounds<typename Layer::Scalar, Rank, Order>(in, *layer, per_sample, options.eps, axis, [&] {
    return make_case(channel_dims(in, Rank, axis, channels), channels, axis);
  });
}

template <template <typename, int> class BatchNorm, typename Scalar, int Rank, int Order>
void run_batch_norm(Input& in) {
  using Layer = BatchNorm<Scalar, Eigen::Dynamic>;
  run_tracking<Layer, BatchNormOptions, Rank, Order>(
      in, [](const Dims& dims, Index channels, Index axis) {
        const Sharing sharing = by_channel(dims, axis);
        return Case{dims,    without(dims, axis),     channels, sharing,
                    sharing, count(dims) == channels, true};
      });
}

template <template <typename, int> class InstanceNorm, typename Scalar, int Rank, int Order>
void run_instance_norm(Input& in) {
  using Layer = InstanceNorm<Scalar, Eigen::Dynamic>;
  run_tracking<Layer, InstanceNormOptions, Rank, Order>(
      in, [](const Dims& dims, Index channels, Index axis) {
        const Index instances = dims[0] * channels;
        return Case{dims,
                    without(dims, axis),
                    channels,
                    by_group(dims, channels, axis),
                    by_channel(dims, axis),
                    instances > 0 && count(dims) == instances};
      });
}

template <typename Scalar, int Rank, int Order>
void run_group_norm(Input& in) {
  using Layer = GroupNorm<Scalar>;
  GroupNormOptions options;
  options.eps = eps_of(in);
  options.channels = channel_axis_of(in);
  const bool per_sample = in.flag();
  if (per_sample) options.gamma = options.beta = false;
  const Index width = in.size(64), groups = in.size(most_channels / width);
  const Index channels = width * groups;
  const Index axis = options.channels == ChannelAxis::first ? 1 : Rank - 1;
  auto layer = made<Layer>(is_eps(options.eps), [&] { return Layer(groups, channels, options); });
  if (!layer) return;
  run_rounds<Scalar, Rank, Order>(in, *layer, per_sample, options.eps, axis, [&] {
    const Dims dims = channel_dims(in, Rank, axis, channels);
    return Case{dims, without(dims, axis), channels, by_group(dims, groups, axis), {}};
  });
}

template <template <typename, int> class LayerOf, typename Scalar, int Rank, int Order>
void run_trailing(Input& in) {
  using Layer = LayerOf<Scalar, Eigen::Dynamic>;
  constexpr bool is_layer_norm = std::is_same_v<Layer, LayerNorm<Scalar>>;
  std::conditional_t<is_layer_norm, LayerNormOptions, RMSNormOptions> options;
  const double eps = eps_of(in);
  options.eps = eps;
  const bool per_sample = in.flag();
  if (per_sample) options.gamma = false;
  if constexpr (is_layer_norm) options.beta = !per_sample;
  const Index normalized_rank = in.between(1, Rank - 1);
  const Dims shape = in.dims(normalized_rank, 2500);
  const Index features = count(shape);
  auto layer = made<Layer>(is_eps(eps) && features > 0, [&] { return Layer(shape, options); });
  if (!layer) return;
  run_rounds<Scalar, Rank, Order>(in, *layer, per_sample, eps, 0, [&] {
    Dims dims = in.dims(Rank - normalized_rank, most_elements / features);
    dims.insert(dims.end(), shape.begin(), shape.end());
    Sharing sharing = by_row(dims, normalized_rank);
    sharing.centred = is_layer_norm;
    return Case{dims, dims, features, sharing, {}};
  });
}

constexpr Run runs[] = {
    run_batch_norm<BatchNorm1d, float, 2, Eigen::RowMajor>,
    run_batch_norm<BatchNorm1d, float, 3, Eigen::RowMajor>,
    run_batch_norm<BatchNorm2d, double, 4, Eigen::ColMajor>,
    run_instance_norm<InstanceNorm1d, float, 3, Eigen::RowMajor>,
    run_group_norm<float, 3, Eigen::RowMajor>,
    run_trailing<LayerNorm, float, 2, Eigen::RowMajor>,
    run_trailing<LayerNorm, double, 3, Eigen::ColMajor>,
    run_trailing<RMSNorm, float, 3, Eigen::RowMajor>,
};

}  // namespace
}  // namespace eigen_norm::test::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return eigen_norm::test::fuzz::run_one(eigen_norm::test::fuzz::runs, data, size);
}
