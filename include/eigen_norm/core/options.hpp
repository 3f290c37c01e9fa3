// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "eigen_norm/memory/layout.hpp"  // ChannelAxis

/// What a layer can be told at construction. The defaults are PyTorch's. Options are aggregates:
/// `{.eps = 1e-3, .momentum = std::nullopt}` in C++20, member by member in C++17.

namespace eigen_norm {

/// Which variance the running one is an average of. Normalising always uses the biased one.
enum class RunningVariance {
  unbiased,  ///< divided by m - 1 (PyTorch)
  biased     ///< divided by m (Keras, Flax, ONNX)
};

struct BatchNormOptions {
  double eps = 1e-5;                     ///< added to the variance, >= 0
  std::optional<double> momentum = 0.1;  ///< weight of the new batch; nullopt: cumulative average
  bool gamma = true;                     ///< learn a scale by channel
  bool beta = true;                      ///< learn a shift by channel
  bool track_running_stats = true;       ///< false: every batch is normalised by its own statistics
  RunningVariance running_variance = RunningVariance::unbiased;  ///< what running_var averages
  ChannelAxis channels = ChannelAxis::first;                     ///< (N, C, ...) or (N, ..., C)
};

struct GroupNormOptions {
  double eps = 1e-5;                          ///< added to the variance, >= 0
  bool gamma = true;                          ///< learn a scale by channel
  bool beta = true;                           ///< learn a shift by channel
  ChannelAxis channels = ChannelAxis::first;  ///< (N, C, ...) or (N, ..., C)
};

struct LayerNormOptions {
  double eps = 1e-5;  ///< added to the variance, >= 0
  bool gamma = true;  ///< learn a scale by element of normalized_shape
  bool beta = true;   ///< learn a shift by element of normalized_shape
};

}  // namespace eigen_norm
