// SPDX-License-Identifier: MIT
#include "eigen_norm/layer_norm.hpp"
#include "eigen_norm/rms_norm.hpp"
#include "fuzz/exercise.hpp"
#include "fuzz/layers.hpp"
#include "fuzz/target.hpp"

// LayerNorm and RMSNorm over one and more trailing dimensions, of 16-bit data too.
namespace eigen_norm::test::fuzz {
namespace {

void read_options(Input& in, LayerNormOptions& options) {
  options.eps = eps_of(in);
  options.gamma = in.flag();
  options.beta = in.flag();
}

void read_options(Input& in, RMSNormOptions& options) {
  if (!in.one_in(3)) options.eps = eps_of(in);
  options.gamma = in.flag();
  options.zero_centered_gamma = in.flag();
}

template <typename Scalar>
double eps_in(const LayerNorm<Scalar>& layer) {
  return layer.options().eps;
}
template <typename Scalar>
double eps_in(const RMSNorm<Scalar>& layer) {
  return layer.options().eps.value_or(std::numeric_limits<Param<Scalar>>::epsilon());
}

template <typename Scalar>
Affine affine_in(const LayerNorm<Scalar>& layer) {
  return affine_of(layer);
}
template <typename Scalar>
Affine affine_in(const RMSNorm<Scalar>& layer) {
  Affine affine = affine_of(layer);
  if (!layer.options().zero_centered_gamma) return affine;
  for (Real& gamma : affine.gamma) gamma = rounded<Param<Scalar>>(1 + gamma);
  return affine;
}

template <typename Layer>
inline constexpr bool is_centred = true;
template <typename Scalar>
inline constexpr bool is_centred<RMSNorm<Scalar>> = false;

template <typename Layer>
Rules<Layer> rules_for(const Dims& dims, Index normalized_rank) {
  Sharing sharing = by_row(dims, normalized_rank);
  sharing.centred = is_centred<Layer>;
  Rules<Layer> rules;
  rules.refuses = [](const Layer&, bool) { return false; };
  rules.ask = [=](const Layer& layer, const Logical& x, const Logical& dy, bool) {
    return question_of_own(x, dy, affine_in(layer), eps_in(layer), sharing);
  };
  rules.after_forward = [](const Layer&, const Layer&, const Question&) {};
  return rules;
}

template <template <typename, int> class LayerOf, typename Scalar, int Rank, int Order>
void run(Input& in) {
  using Layer = LayerOf<Scalar, Eigen::Dynamic>;
  std::decay_t<decltype(std::declval<Layer>().options())> options;
  read_options(in, options);
  const Index normalized_rank = in.between(1, Rank);
  const Dims shape = in.dims(normalized_rank, 2500);
  const Index features = count(shape);
  double eps = 0;
  if constexpr (is_centred<Layer>) {
    eps = options.eps;
  } else {
    eps = options.eps.value_or(0);
  }
  auto layer = made<Layer>(is_eps(eps) && features > 0, [&] { return Layer(shape, options); });
  if (!layer) return;
  fill_affine(in, *layer);
  for (Index rounds = in.between(1, 2); rounds > 0; --rounds) {
    Dims dims = in.dims(Rank - normalized_rank, most_elements / features);
    dims.insert(dims.end(), shape.begin(), shape.end());
    const Rules<Layer> rules = rules_for<Layer>(dims, normalized_rank);
    Exercise<Layer, Rank, Order>(in, *layer, rules).run(dims);
  }
}

constexpr Run runs[] = {
    run<LayerNorm, float, 2, Eigen::RowMajor>,
    run<LayerNorm, float, 2, Eigen::ColMajor>,
    run<RMSNorm, float, 2, Eigen::RowMajor>,
    run<RMSNorm, float, 2, Eigen::ColMajor>,
    run<LayerNorm, float, 3, Eigen::ColMajor>,
    run<RMSNorm, float, 3, Eigen::RowMajor>,
    run<LayerNorm, double, 2, Eigen::RowMajor>,
    run<LayerNorm, double, 3, Eigen::ColMajor>,
    run<RMSNorm, double, 2, Eigen::RowMajor>,
    run<RMSNorm, double, 2, Eigen::ColMajor>,
    run<LayerNorm, Eigen::half, 2, Eigen::RowMajor>,
    run<RMSNorm, Eigen::bfloat16, 2, Eigen::RowMajor>,
};

}  // namespace
}  // namespace eigen_norm::test::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return eigen_norm::test::fuzz::run_one(eigen_norm::test::fuzz::runs, data, size);
}
