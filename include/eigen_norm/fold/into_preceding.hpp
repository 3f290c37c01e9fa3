// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/fold/folded.hpp"
#include "eigen_norm/kernels/rounding.hpp"

namespace eigen_norm::fold {
inline namespace EIGEN_NORM_ABI {

/// The fold itself, in place, on objects that own their memory.
template <typename Norm, typename Weight, typename Bias>
void fold_preceding(const Norm& norm, Folded<Weight, Bias>& layer, Index output_axis) {
  static_assert(is_tracking<Norm>,
                "eigen_norm: into_preceding takes BatchNorm, or InstanceNorm with running "
                "statistics; the statistics of other layers are those of each input");
  static_assert(memory::EigenObject<Weight>::rank > 0,
                "eigen_norm: into_preceding takes a weight with an axis of its outputs");
  using S = Wide<Norm, Weight, Bias>;
  const auto affine = norm.template inference_affine<S>();
  const memory::Shape shape = memory::EigenObject<Weight>::shape(layer.weight);
  const int axis = checked_axis(norm.name(), "output", output_axis, shape.rank());
  const Index channels = norm.num_features();
  if (shape[axis] != channels) {
    raise_weight(norm.name(), std::to_string(channels) + " outputs", axis, shape);
  }
  check_bias(norm.name(), channels, memory::EigenObject<Bias>::shape(layer.bias));

  for_each_along(layer.weight, axis, [&](auto& element, Index c, Index) {
    element = kernels::rounded<ScalarOf<Weight>>(S(S(element) * affine.scale[c]));
  });
  auto* const bias = layer.bias.data();
  for (Index c = 0; c < channels; ++c) {
    // The mean goes first: it is mostly the old bias, and nothing is lost where they are alike.
    const S centred = S(bias[c]) - S(norm.running_mean()[c]), scaled = centred * affine.scale[c];
    const S beta = norm.beta().size() > 0 ? S(norm.beta()[c]) : S(0);
    bias[c] = kernels::rounded<ScalarOf<Bias>>(S(scaled + beta));
  }
}

/// y = norm(W x + b) in inference as y = W' x + b', for BatchNorm, and InstanceNorm with running
/// statistics, behind a convolution or a linear layer whose outputs are the norm's channels:
///
///     W'(c, ...) = W(c, ...) * scale(c),   b'(c) = (b(c) - mean(c)) * scale(c) + beta(c)
///     scale(c) = gamma(c) / sqrt(var(c) + eps)
///
/// The outputs run along `output_axis` of the weight, which counts from the end where it is
/// negative: 0 for (O, I) and (O, I / groups, kH, kW), 1 for a transposed convolution (I, O, kH,
/// kW), -1 for Keras' (kH, kW, I, O). The bias is any vector. Both are returned as owning objects
/// of their kind and scalar, computed in double and rounded once. The norm stays as it is, and its
/// mode does not matter.
///
/// Throws std::invalid_argument for a weight or bias of another size, and std::logic_error where
/// the norm has no running statistics.
template <typename Norm, typename Weight, typename Bias, std::enable_if_t<is_eigen<Bias>, int> = 0>
auto into_preceding(const Norm& norm, const Weight& weight, const Bias& bias,
                    Index output_axis = 0) {
  Folded<Plain<Weight>, Plain<Bias>> layer{Plain<Weight>(weight), Plain<Bias>(bias)};
  fold_preceding(norm, layer, output_axis);
  return layer;
}

/// The same of a layer without a bias, which has one of the weight's scalar afterwards.
template <typename Norm, typename Weight>
auto into_preceding(const Norm& norm, const Weight& weight, Index output_axis = 0) {
  Folded<Plain<Weight>, Parameters<ScalarOf<Weight>>> layer{Plain<Weight>(weight), {}};
  const memory::Shape shape = memory::EigenObject<Plain<Weight>>::shape(layer.weight);
  const int axis = checked_axis(norm.name(), "output", output_axis, shape.rank());
  layer.bias.setZero(shape[axis]);
  fold_preceding(norm, layer, output_axis);
  return layer;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::fold
