// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/distributed/channel_exchange.hpp"
#include "eigen_norm/kernels/moments.hpp"

// What the ranks have given, put together in the order of ranks: the same bits on each, whoever
// came first.
namespace eigen_norm::distributed {
inline namespace EIGEN_NORM_ABI {

/// Values per channel on all ranks.
inline Index merged_count(const ChannelExchange& exchange) {
  Index count = 0;
  for (int rank = 0; rank < exchange.ranks().size(); ++rank) count += exchange.part(rank).count;
  return count;
}

/// mean and m2 of all ranks, of each channel, from theirs.
inline void merge_moments(const ChannelExchange& exchange, double* mean, double* m2) {
  std::fill_n(mean, exchange.channels(), 0.0);
  std::fill_n(m2, exchange.channels(), 0.0);
  Index count = 0;
  for (int rank = 0; rank < exchange.ranks().size(); ++rank) {
    const auto part = exchange.part(rank);
    if (part.count == 0) continue;
    for (Index c = 0; c < exchange.channels(); ++c) {
      kernels::Moments<double> moments{count, mean[c], m2[c]};
      moments.merge({part.count, part.first[c], part.second[c]});
      mean[c] = moments.mean;
      m2[c] = moments.m2;
    }
    count += part.count;
  }
}

/// first(c) = sum_rank first(rank, c), and second likewise.
inline void add_sums(const ChannelExchange& exchange, double* first, double* second) {
  std::fill_n(first, exchange.channels(), 0.0);
  std::fill_n(second, exchange.channels(), 0.0);
  for (int rank = 0; rank < exchange.ranks().size(); ++rank) {
    const auto part = exchange.part(rank);
    for (Index c = 0; c < exchange.channels(); ++c) {
      first[c] += part.first[c];
      second[c] += part.second[c];
    }
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::distributed
