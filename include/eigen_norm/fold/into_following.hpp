// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/fold/folded.hpp"
#include "eigen_norm/kernels/rounding.hpp"

namespace eigen_norm::fold {
inline namespace EIGEN_NORM_ABI {

/// What a norm's result has been multiplied by and what was added to it, by input of the layer that
/// follows: by feature, of which there must be as many as inputs.
template <typename S, typename Derived, typename Scalar, int Features, typename Options>
ChannelAffine<S> affine_of_inputs(const TrailingLayer<Derived, Scalar, Features, Options>& norm,
                                  int axis, const memory::Shape& shape) {
  const auto affine = norm.template feature_affine<S>();
  if (shape[axis] != affine.scale.size()) {
    raise_weight(norm.name(), std::to_string(affine.scale.size()) + " inputs", axis, shape);
  }
  return {affine.scale, affine.shift};
}

/// By channel: in inference, and where (C, H, W) was made flat, H * W inputs in a row meet the same
/// one, or, channels last, every C-th input.
template <typename S, typename Derived, typename Scalar, int Channels, typename Options>
ChannelAffine<S> affine_of_inputs(const TrackingLayer<Derived, Scalar, Channels, Options>& norm,
                                  int axis, const memory::Shape& shape) {
  const auto affine = norm.template inference_affine<S>();
  const Index channels = norm.num_features(), inputs = shape[axis], each = inputs / channels;
  if (inputs == 0 || inputs % channels != 0) {
    raise_weight(norm.name(), "a multiple of " + std::to_string(channels) + " inputs", axis, shape);
  }
  const bool first = norm.options().channels == ChannelAxis::first;
  ChannelAffine<S> result{Parameters<S>(inputs), Parameters<S>(inputs)};
  for (Index i = 0; i < inputs; ++i) {
    const Index c = first ? i / each : i % channels;
    result.scale[i] = affine.scale[c];
    result.shift[i] = affine.shift[c];
  }
  return result;
}

/// The fold itself, in place, on objects that own their memory.
template <typename Norm, typename Weight, typename Bias>
void fold_following(const Norm& norm, Folded<Weight, Bias>& layer, Index input_axis) {
  static_assert(is_tracking<Norm> || is_trailing<Norm>,
                "eigen_norm: into_following takes BatchNorm, or InstanceNorm with running "
                "statistics, LayerNorm or RMSNorm");
  static_assert(memory::EigenObject<Weight>::rank == 2,
                "eigen_norm: into_following takes the weight of a linear layer, a matrix; a "
                "convolution pads the norm's result with zeros, for which no bias can make up");
  using S = Wide<Norm, Weight, Bias>;
  const memory::Shape shape = memory::EigenObject<Weight>::shape(layer.weight);
  const int axis = checked_axis(norm.name(), "input", input_axis, shape.rank());
  const ChannelAffine<S> affine = affine_of_inputs<S>(norm, axis, shape);
  const Index outputs = shape[1 - axis];
  check_bias(norm.name(), outputs, memory::EigenObject<Bias>::shape(layer.bias));

  auto* const bias = layer.bias.data();
  Parameters<S> sums(outputs);
  for (Index o = 0; o < outputs; ++o) sums[o] = S(bias[o]);
  for_each_along(layer.weight, axis, [&](auto& element, Index i, Index o) {
    const S before = S(element);
    sums[o] += S(before * affine.shift[i]);
    element = kernels::rounded<ScalarOf<Weight>>(S(before * affine.scale[i]));
  });
  for (Index o = 0; o < outputs; ++o) bias[o] = kernels::rounded<ScalarOf<Bias>>(sums[o]);
}

/// y = W norm(x) + b as y = W' z + b', where z is x itself for BatchNorm, and InstanceNorm with
/// running statistics, in inference; for LayerNorm and RMSNorm it is the norm `without_affine`:
///
///     W'(o, i) = W(o, i) * scale(i),   b'(o) = b(o) + sum_i W(o, i) * shift(i)
///
/// with the scale and shift of inference_affine, or of feature_affine. The weight is a matrix, (O,
/// I) or (I, O), and `input_axis` is that of the inputs: 1 or 0, or counted from the end -1 or -2.
/// They are in the row-major order of (C, H, W), or of (H, W, C) where the norm has its channels
/// last, and for LayerNorm and RMSNorm of normalized_shape. Bias and result are as in
/// into_preceding.
///
/// Not for convolutions that pad: they pad the norm's result with zeros, but folded they would pad
/// x with zeros, whose normalised value is shift, and no bias makes up for that at the borders
/// alone.
///
/// Throws std::invalid_argument for a weight or bias of another size, and std::logic_error where
/// BatchNorm or InstanceNorm has no running statistics.
template <typename Norm, typename Weight, typename Bias, std::enable_if_t<is_eigen<Bias>, int> = 0>
auto into_following(const Norm& norm, const Weight& weight, const Bias& bias,
                    Index input_axis = 1) {
  Folded<Plain<Weight>, Plain<Bias>> layer{Plain<Weight>(weight), Plain<Bias>(bias)};
  fold_following(norm, layer, input_axis);
  return layer;
}

/// The same of a layer without a bias, which has one of the weight's scalar afterwards.
template <typename Norm, typename Weight>
auto into_following(const Norm& norm, const Weight& weight, Index input_axis = 1) {
  Folded<Plain<Weight>, Parameters<ScalarOf<Weight>>> layer{Plain<Weight>(weight), {}};
  const memory::Shape shape = memory::EigenObject<Plain<Weight>>::shape(layer.weight);
  const int axis = checked_axis(norm.name(), "input", input_axis, shape.rank());
  layer.bias.setZero(shape.without(axis).size());
  fold_following(norm, layer, input_axis);
  return layer;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::fold
