// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>

#include "eigen_norm/core/checks.hpp"
#include "eigen_norm/core/options.hpp"
#include "eigen_norm/distributed/communicator.hpp"
#include "eigen_norm/kernels/finite.hpp"

namespace eigen_norm::distributed {
inline namespace EIGEN_NORM_ABI {

/// What a layer is, as the seven numbers that agreed_channels gathers, in words:
/// "SyncBatchNorm2d(64), eps 1e-05, momentum 0.1".
inline std::string described_layer(const double* layer) {
  const auto whole = [](double number) { return std::to_string(static_cast<Index>(number)); };
  return "SyncBatchNorm" + whole(layer[0]) + "d(" + whole(layer[1]) + "), eps " +
         number_text(layer[2]) + ", momentum " +
         (layer[4] == 0 ? "nullopt" : number_text(layer[3])) +
         (layer[5] == 0   ? ", without running statistics"
          : layer[5] == 2 ? ", biased"
                          : "") +
         (layer[6] == 1   ? ", virtual_batch_size or renorm"
          : layer[6] == 2 ? ", of another fixed size"
                          : "");
}

/// num_features, once it is sure that the ranks have all in common that they must, or one would
/// wait for numbers that never come. It is asked before a rank refuses anything of its own. Throws
/// std::invalid_argument on all ranks where their layers differ.
inline Index agreed_channels(int spatial_rank, int fixed_size, Index num_features,
                             const BatchNormOptions& options, Communicator* ranks) {
  const std::string name = "SyncBatchNorm" + std::to_string(spatial_rank) + 'd';
  if (ranks == nullptr) memory::raise_invalid(name + ": expected a communicator, got none");
  constexpr Index numbers = 7;
  const bool biased = options.running_variance == RunningVariance::biased;
  const bool other_size = fixed_size != Eigen::Dynamic && fixed_size != num_features;
  const double mine[numbers] = {static_cast<double>(spatial_rank),
                                static_cast<double>(num_features),
                                options.eps,
                                options.momentum.value_or(0),
                                options.momentum ? 1.0 : 0.0,
                                !options.track_running_stats ? 0.0
                                : biased                     ? 2.0
                                                             : 1.0,
                                options.virtual_batch_size || options.renorm ? 1.0
                                : other_size                                 ? 2.0
                                                                             : 0.0};
  const double* const all = ranks->all_gather(mine, numbers, "the construction of SyncBatchNorm");
  // What is no number is not equal to itself.
  const auto are_alike = [](double a, double b) {
    return a == b || !(kernels::is_finite(a) || kernels::is_finite(b));
  };
  std::string others;
  for (int rank = 1; rank < ranks->size(); ++rank) {
    const double* const layer = all + rank * numbers;
    if (std::equal(layer, layer + numbers, all, are_alike)) continue;
    others += "; " + described_layer(layer) + " on rank " + std::to_string(rank);
  }
  if (!others.empty()) {
    memory::raise_invalid(name + '(' + std::to_string(num_features) +
                          "): expected the same layer on every rank, got " + described_layer(all) +
                          " on rank 0" + others);
  }
  return num_features;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::distributed
