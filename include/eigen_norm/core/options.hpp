// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "eigen_norm/memory/layout.hpp"  // ChannelAxis

/// What a layer can be told at construction. The defaults are PyTorch's. Options are aggregates:
/// `{.eps = 1e-3, .momentum = std::nullopt}` in C++20, member by member in C++17. The presets are
/// the defaults of other frameworks, in this library's terms: Keras, Flax and ONNX count momentum
/// as the weight of the old value, so that their 0.99 is 0.01 here.

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Which variance the running one is an average of. Normalising always uses the biased one.
enum class RunningVariance {
  unbiased,  ///< divided by m - 1 (PyTorch)
  biased     ///< divided by m (Keras, Flax, ONNX)
};

/// How far batch renormalization corrects towards the running statistics, at most.
struct BatchRenorm {
  double r_max = 3;  ///< of the ratio of standard deviations; at least 1 / r_max; >= 1
  double d_max = 5;  ///< of the distance of means, in running standard deviations; >= 0
};

struct BatchNormOptions {
  double eps = 1e-5;                     ///< added to the variance, >= 0
  std::optional<double> momentum = 0.1;  ///< weight of the new batch; nullopt: cumulative average
  bool gamma = true;                     ///< learn a scale by channel
  bool beta = true;                      ///< learn a shift by channel
  bool track_running_stats = true;       ///< false: every batch is normalised by its own statistics
  RunningVariance running_variance = RunningVariance::unbiased;  ///< what running_var averages
  ChannelAxis channels = ChannelAxis::first;                     ///< (N, C, ...) or (N, ..., C)
  std::optional<Index> virtual_batch_size = {};  ///< so many samples share statistics; nullopt: all
  std::optional<BatchRenorm> renorm = {};        ///< renormalise in training

  static BatchNormOptions torch() { return {}; }
  static BatchNormOptions keras() {
    return {1e-3, 0.01, true, true, true, RunningVariance::biased, ChannelAxis::last, {}, {}};
  }
  static BatchNormOptions flax() {
    return {1e-5, 0.01, true, true, true, RunningVariance::biased, ChannelAxis::last, {}, {}};
  }
  static BatchNormOptions onnx() {
    return {1e-5, 0.1, true, true, true, RunningVariance::biased, ChannelAxis::first, {}, {}};
  }
};

/// The same members but the last two, with other defaults.
struct InstanceNormOptions {
  double eps = 1e-5;                     ///< added to the variance, >= 0
  std::optional<double> momentum = 0.1;  ///< weight of the new batch; nullopt: cumulative average
  bool gamma = false;                    ///< learn a scale by channel
  bool beta = false;                     ///< learn a shift by channel
  bool track_running_stats = false;      ///< true: eval normalises every instance by the same
  RunningVariance running_variance = RunningVariance::unbiased;  ///< what running_var averages
  ChannelAxis channels = ChannelAxis::first;                     ///< (N, C, ...) or (N, ..., C)

  static InstanceNormOptions torch() { return {}; }
  static InstanceNormOptions keras() {  // GroupNormalization(groups=-1)
    return {1e-3, 0.01, true, true, false, RunningVariance::biased, ChannelAxis::last};
  }
  static InstanceNormOptions flax() {
    return {1e-6, 0.01, true, true, false, RunningVariance::biased, ChannelAxis::last};
  }
  static InstanceNormOptions onnx() {
    return {1e-5, 0.1, true, true, false, RunningVariance::biased, ChannelAxis::first};
  }
};

struct GroupNormOptions {
  double eps = 1e-5;                          ///< added to the variance, >= 0
  bool gamma = true;                          ///< learn a scale by channel
  bool beta = true;                           ///< learn a shift by channel
  ChannelAxis channels = ChannelAxis::first;  ///< (N, C, ...) or (N, ..., C)

  static GroupNormOptions torch() { return {}; }
  static GroupNormOptions keras() { return {1e-3, true, true, ChannelAxis::last}; }
  static GroupNormOptions flax() { return {1e-6, true, true, ChannelAxis::last}; }
  static GroupNormOptions onnx() { return {}; }
};

struct LayerNormOptions {
  double eps = 1e-5;  ///< added to the variance, >= 0
  bool gamma = true;  ///< learn a scale by element of normalized_shape
  bool beta = true;   ///< learn a shift by element of normalized_shape

  static LayerNormOptions torch() { return {}; }
  static LayerNormOptions keras() { return {1e-3, true, true}; }
  static LayerNormOptions flax() { return {1e-6, true, true}; }
  static LayerNormOptions onnx() { return {}; }
};

struct RMSNormOptions {
  std::optional<double> eps = {};    ///< added to the mean square, >= 0; nullopt: the machine's, of
                                     ///< the type that is computed in (1.2e-7 for float)
  bool gamma = true;                 ///< learn a scale by element of normalized_shape
  bool zero_centered_gamma = false;  ///< scale by 1 + gamma, gamma being 0 to begin with

  static RMSNormOptions torch() { return {}; }
  static RMSNormOptions keras() { return {1e-6}; }
  static RMSNormOptions flax() { return {1e-6}; }
  static RMSNormOptions onnx() { return {1e-5}; }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
