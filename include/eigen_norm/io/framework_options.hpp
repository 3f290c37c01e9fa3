// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <string>

#include "eigen_norm/core/options.hpp"
#include "eigen_norm/memory/error.hpp"

/// The settings of other frameworks' layers in their own words, with their own defaults, and what
/// they are here:
///
///     io::KerasBatchNormalization theirs;
///     theirs.momentum = 0.9;  // of the old value, as Keras has it
///     BatchNorm2d<float> norm(64, theirs.options());

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// The weight of the new batch where `momentum` is that of the old value, to 15 decimals: of 0.99,
/// which is 0.01 and not the 0.010000000000000009 that double has for 1 - 0.99.
inline double weight_of_new(double momentum) {
  constexpr double decimals = 1e15;
  return std::round((1 - momentum) * decimals) / decimals;
}

/// The decimal of fewest digits that is the same float as a number from 0 to 1; any other number
/// itself.
inline double decimal_of_float(double number) {
  if (!(number >= 0 && number <= 1)) return number;
  const auto wanted = static_cast<float>(number);
  for (double decimals = 1; decimals <= 1e15; decimals *= 10) {
    const double decimal = std::round(number * decimals) / decimals;
    if (static_cast<float>(decimal) == wanted) return decimal;
  }
  return number;
}

/// Which channels an axis of 1 or -1 means. Throws std::invalid_argument for any other, as for the
/// 3 that is the last of four: here the last is -1.
inline ChannelAxis channels_of_axis(const char* layer, Index axis) {
  if (axis != 1 && axis != -1) {
    memory::raise_invalid(std::string(layer) + ": expected axis 1, or -1 for the last, got " +
                          std::to_string(axis));
  }
  return axis == 1 ? ChannelAxis::first : ChannelAxis::last;
}

inline BatchNormOptions with_weight_of_old(BatchNormOptions options, double momentum, double eps) {
  options.momentum = weight_of_new(momentum);
  options.eps = eps;
  return options;
}

/// keras.layers.BatchNormalization, which averages the biased variance.
struct KerasBatchNormalization {
  Index axis = -1;         ///< of the channels
  double momentum = 0.99;  ///< weight of the old value
  double epsilon = 1e-3;
  bool center = true;  ///< learn a beta
  bool scale = true;   ///< learn a gamma

  BatchNormOptions options() const {
    BatchNormOptions result = with_weight_of_old(BatchNormOptions::keras(), momentum, epsilon);
    result.gamma = scale;
    result.beta = center;
    result.channels = channels_of_axis("KerasBatchNormalization", axis);
    return result;
  }
};

/// keras.layers.GroupNormalization: `GroupNorm<float>(theirs.num_groups(64), 64,
/// theirs.options())`.
struct KerasGroupNormalization {
  Index groups = 32;  ///< -1: one for each channel, which is instance normalization
  Index axis = -1;    ///< of the channels
  double epsilon = 1e-3;
  bool center = true;  ///< learn a beta
  bool scale = true;   ///< learn a gamma

  Index num_groups(Index channels) const { return groups == -1 ? channels : groups; }
  GroupNormOptions options() const {
    return {epsilon, scale, center, channels_of_axis("KerasGroupNormalization", axis)};
  }
};

/// keras.layers.LayerNormalization over the last axis or axes, which normalized_shape says here.
struct KerasLayerNormalization {
  double epsilon = 1e-3;
  bool center = true;  ///< learn a beta
  bool scale = true;   ///< learn a gamma

  LayerNormOptions options() const { return {epsilon, scale, center}; }
};

/// flax.linen.BatchNorm and flax.nnx.BatchNorm, which average the biased variance.
struct FlaxBatchNorm {
  Index axis = -1;         ///< of the channels
  double momentum = 0.99;  ///< weight of the old value
  double epsilon = 1e-5;
  bool use_bias = true;
  bool use_scale = true;

  BatchNormOptions options() const {
    BatchNormOptions result = with_weight_of_old(BatchNormOptions::flax(), momentum, epsilon);
    result.gamma = use_scale;
    result.beta = use_bias;
    result.channels = channels_of_axis("FlaxBatchNorm", axis);
    return result;
  }
};

/// GroupNorm of flax.linen and flax.nnx, whose channels are last; the number of groups, 32 unless
/// it is given, is an argument of the layer here.
struct FlaxGroupNorm {
  double epsilon = 1e-6;
  bool use_bias = true;
  bool use_scale = true;

  GroupNormOptions options() const { return {epsilon, use_scale, use_bias, ChannelAxis::last}; }
};

/// LayerNorm of flax.linen and flax.nnx over the last axis or axes, which normalized_shape says
/// here.
struct FlaxLayerNorm {
  double epsilon = 1e-6;
  bool use_bias = true;
  bool use_scale = true;

  LayerNormOptions options() const { return {epsilon, use_scale, use_bias}; }
};

/// The attributes of ONNX's BatchNormalization, which averages the biased variance. They are floats
/// there: a momentum is the shortest decimal that gives its float, 0.9 for 0.89999998.
struct OnnxBatchNormalization {
  double epsilon = 1e-5;
  double momentum = 0.9;  ///< weight of the old value

  BatchNormOptions options() const {
    return with_weight_of_old(BatchNormOptions::onnx(), decimal_of_float(momentum), epsilon);
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
