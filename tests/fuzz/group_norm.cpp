// SPDX-License-Identifier: MIT
#include "eigen_norm/group_norm.hpp"

#include "fuzz/exercise.hpp"
#include "fuzz/layers.hpp"
#include "fuzz/target.hpp"

// GroupNorm, also of a size that is fixed, which keeps few statistics.
namespace eigen_norm::test::fuzz {
namespace {

GroupNormOptions options_of(Input& in) {
  GroupNormOptions options;
  options.eps = eps_of(in);
  options.gamma = in.flag();
  options.beta = in.flag();
  options.channels = channel_axis_of(in);
  return options;
}

template <typename Layer>
Rules<Layer> rules_for(const Dims& dims, Index channel_axis, Index groups) {
  Rules<Layer> rules;
  rules.refuses = [](const Layer&, bool) { return false; };
  rules.ask = [=](const Layer& layer, const Logical& x, const Logical& dy, bool) {
    return question_of_own(x, dy, affine_of(layer), layer.options().eps,
                           by_group(dims, groups, channel_axis));
  };
  rules.after_forward = [](const Layer&, const Layer&, const Question&) {};
  return rules;
}

template <typename Scalar, int Rank, int Order, int Channels = Eigen::Dynamic>
void run(Input& in) {
  using Layer = GroupNorm<Scalar, Channels>;
  const GroupNormOptions options = options_of(in);
  const Index width = in.size(600), groups = in.size(600 / width);
  const Index channels = in.one_in(8) ? in.between(0, 9) : width * groups;
  const Index wanted = Channels == Eigen::Dynamic ? channels : Channels;
  const bool valid = is_eps(options.eps) && channels > 0 && channels % groups == 0;
  auto layer =
      made<Layer>(valid && channels == wanted, [&] { return Layer(groups, channels, options); });
  if (!layer) return;
  fill_affine(in, *layer);
  const Index axis = options.channels == ChannelAxis::first ? 1 : Rank - 1;
  for (Index rounds = in.between(1, 2); rounds > 0; --rounds) {
    const Dims dims = channel_dims(in, Rank, axis, channels);
    const Rules<Layer> rules = rules_for<Layer>(dims, axis, groups);
    Exercise<Layer, Rank, Order>(in, *layer, rules).run(dims);
  }
}

constexpr Run runs[] = {
    run<float, 2, Eigen::RowMajor>,  run<float, 2, Eigen::ColMajor>,
    run<float, 3, Eigen::RowMajor>,  run<float, 3, Eigen::ColMajor>,
    run<float, 4, Eigen::RowMajor>,  run<float, 3, Eigen::RowMajor, 6>,
    run<double, 2, Eigen::RowMajor>, run<double, 3, Eigen::ColMajor>,
    run<double, 3, Eigen::RowMajor>,
};

}  // namespace
}  // namespace eigen_norm::test::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return eigen_norm::test::fuzz::run_one(eigen_norm::test::fuzz::runs, data, size);
}
