// SPDX-License-Identifier: MIT
#include "eigen_norm/core/split_batch.hpp"

#include <vector>

#include "eigen_norm/batch_norm.hpp"
#include "fuzz/exercise.hpp"
#include "fuzz/target.hpp"
#include "fuzz/tracking.hpp"

// BatchNorm step by step, of a batch that comes in parts: the answers are those of the whole.
namespace eigen_norm::test::fuzz {
namespace {

// Numbers of samples that add up to `samples`; some parts may be empty.
std::vector<Index> parts_of(Input& in, Index samples) {
  std::vector<Index> sizes;
  while (samples > 0 && sizes.size() < 6) {
    sizes.push_back(std::min<Index>(samples, in.between(0, 9)));
    samples -= sizes.back();
  }
  sizes.push_back(samples);
  return sizes;
}

template <typename Scalar, int Rank, int Order>
class Steps {
  using Layer = std::conditional_t<Rank == 4, BatchNorm2d<Scalar>, BatchNorm1d<Scalar>>;
  using Statistics = typename Layer::Statistics;
  using Gradients = typename Layer::Gradients;
  using Array = Place<Scalar, Rank, Order>;

 public:
  Steps(Input& in, Layer& layer, const Question& question)
      : layer_(layer), question_(question), at_(Position::of(in)) {
    sizes_ = parts_of(in, question.x.dims[0]);
    is_pairwise_ = in.flag();
  }

  void run() {
    const Layer before = layer_;
    const Values state = visible_state(layer_);
    const Statistics statistics = merged_statistics();
    const Index values = count(question_.x.dims) / layer_.num_features();
    require(statistics.count == values, "a value is lost between parts");
    require_same(visible_state(layer_), state, "batch_statistics has changed the layer");
    update(before, statistics);
    set(before, statistics);

    Logical y, dx;
    Gradients gradients;
    const Refusal refusal([&] {
      y = joined([&](auto x, auto, auto out) { layer_.forward_by(statistics, x, out); });
    });
    refusal.require_to_be(values < 2 || layer_.options().renorm, "forward_by");
    if (refusal.is()) return;
    for_each_part([&](Array& x, Array& dy, Array&) {
      gradients.merge(layer_.gradient_sums(statistics, x.view(), dy.view()));
    });
    dx = joined(
        [&](auto x, auto dy, auto out) { layer_.backward_by(statistics, gradients, x, dy, out); });
    layer_.accumulate(gradients);
    const Judge<Scalar> judge(question_);
    judge.y("y in parts", y);
    judge.dx("dx in parts", dx);
    judge.gradients(from_parameters(layer_.gamma_grad()), from_parameters(layer_.beta_grad()), 0);
  }

 private:
  // f(x, dy, out) for each part.
  template <typename F>
  void for_each_part(const F& f) {
    Index begin = 0;
    for (const Index size : sizes_) {
      Dims dims = question_.x.dims;
      dims[0] = size;
      const bool all = size == question_.x.dims[0];
      const auto part = [&](const Logical& whole) {
        if (size == 0) return Logical(dims);
        return all ? whole : samples_of(whole, begin, begin + size);
      };
      Array x(part(question_.x), at_), dy(part(question_.dy), at_), out(all_nan(dims), at_);
      f(x, dy, out);
      require(x.is_alone() && dy.is_alone() && out.is_alone(), "memory beside a part has changed");
      begin += size;
    }
  }

  // What call(x, dy, out) writes for each part, as that of the whole.
  template <typename Call>
  Logical joined(const Call& call) {
    Logical whole(question_.x.dims);
    whole.values.clear();
    for_each_part([&](Array& x, Array& dy, Array& out) {
      call(x.view(), dy.view(), out.view());
      const Values values = out.values().values;
      whole.values.insert(whole.values.end(), values.begin(), values.end());
    });
    return whole;
  }

  // One after the other, or pairs first.
  Statistics merged_statistics() {
    std::vector<Statistics> all;
    for_each_part(
        [&](Array& x, Array&, Array&) { all.push_back(layer_.batch_statistics(x.view())); });
    for (std::size_t i = 0; is_pairwise_ && i + 1 < all.size(); ++i) {
      all[i].merge(all[i + 1]);
      all.erase(all.begin() + static_cast<std::ptrdiff_t>(i + 1));
    }
    Statistics result;
    for (const Statistics& part : all) result.merge(part);
    return result;
  }

  void update(const Layer& before, const Statistics& statistics) {
    const Refusal refusal([&] { layer_.update_running_stats(statistics); });
    const bool tracks = layer_.options().track_running_stats;
    refusal.require_to_be(!tracks || statistics.count == 1, "update_running_stats");
    const auto batch = refusal.is() ? std::nullopt : remembered(question_, layer_);
    if (batch) return check_running(before, layer_, *batch);
    check_running_kept(before, layer_);
  }

  // Refused where something would not be finite: then an update is skipped as well.
  void set(const Layer& before, const Statistics& statistics) {
    if (!before.options().track_running_stats || statistics.count < 2) return;
    Layer twin = before;
    const Refusal refusal([&] { twin.set_running_stats(statistics); });
    if (refusal.is()) return check_running_kept(before, twin);
    const auto is_finite = [](Real value) { return std::isfinite(value); };
    const Values mean = from_parameters(twin.running_mean()),
                 var = from_parameters(twin.running_var());
    require(std::all_of(mean.begin(), mean.end(), is_finite) &&
                std::all_of(var.begin(), var.end(), is_finite),
            "set_running_stats has taken in what is not finite");
  }

  Layer& layer_;
  const Question& question_;
  Position at_;
  std::vector<Index> sizes_;
  bool is_pairwise_;
};

template <typename Scalar, int Rank, int Order>
void run(Input& in) {
  using Layer = std::conditional_t<Rank == 4, BatchNorm2d<Scalar>, BatchNorm1d<Scalar>>;
  auto options = tracking_options_of<BatchNormOptions>(in);
  if (in.one_in(8) && options.track_running_stats) options.renorm = BatchRenorm();
  const Index channels = in.size(1100);
  const Index axis = options.channels == ChannelAxis::first ? 1 : Rank - 1;
  auto layer = made<Layer>(is_eps(options.eps), [&] { return Layer(channels, options); });
  if (!layer) return;
  fill_affine(in, *layer);
  const Dims dims = channel_dims(in, Rank, axis, channels);
  const Logical x(dims, numbers<Scalar>(in, count(dims))),
      dy(dims, numbers<Scalar>(in, count(dims)));
  const Question question =
      question_of_own(x, dy, affine_of(*layer), options.eps, by_channel(dims, axis));
  Steps<Scalar, Rank, Order>(in, *layer, question).run();
}

constexpr Run runs[] = {
    run<float, 2, Eigen::RowMajor>,  run<float, 2, Eigen::ColMajor>,
    run<float, 3, Eigen::RowMajor>,  run<float, 4, Eigen::RowMajor>,
    run<float, 4, Eigen::ColMajor>,  run<double, 2, Eigen::RowMajor>,
    run<double, 3, Eigen::ColMajor>,
};

}  // namespace
}  // namespace eigen_norm::test::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return eigen_norm::test::fuzz::run_one(eigen_norm::test::fuzz::runs, data, size);
}
