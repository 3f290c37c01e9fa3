// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/kernels/coefficient_tiles.hpp"
#include "eigen_norm/kernels/lane_moments.hpp"
#include "eigen_norm/kernels/run_moments.hpp"
#include "eigen_norm/memory/operand.hpp"

/// Where a loop takes its statistics from: the data in front of it, or numbers given beforehand.
/// Both answer the same three questions, so that no loop knows training from inference:
///
///     of_run(x, r, g)                     the statistic (r, g)
///     of_columns(x, r, g, count, out)     the statistics (r, g), (r, g + 1), ...
///     of_lanes(x, r, count, g, out)       the statistics (r, g), (r + 1, g), ...

namespace eigen_norm::kernels {

using memory::CollapsedShape;
using memory::Operand;

/// Statistics of the data itself, each written where the caller wants to have it.
template <typename Scalar>
class FromData {
  using S = Stat<Scalar>;

 public:
  /// Arrays by statistic; null where nobody asks.
  struct Keep {
    S* mean = nullptr;
    S* inv_std = nullptr;
    S* var = nullptr;  ///< biased
  };
  static constexpr bool by_channel = false;

  explicit FromData(double eps, const Keep& keep = {}) : eps_(eps), keep_(keep) {}

  Statistic<S> of_run(const Operand<const Scalar>& x, Index r, Index g) const {
    const CollapsedShape& v = x.shape;
    const Moments<S> moments = run_moments<Scalar>(
        {x.at(r, g * v.group), v.outer, v.outer_stride, v.group * v.inner}, tiny_matters(eps_));
    const S var = moments.biased_variance();
    const Statistic<S> result{moments.mean, inverse_std(var, eps_)};
    keep(v.statistic(r, g), result, var);
    return result;
  }

  void of_columns(const Operand<const Scalar>& x, Index r, Index first, Index count,
                  StatisticTile<S>& out) const {
    const CollapsedShape& v = x.shape;
    Tile<S> var;
    Index g = 0;
    Moments<S> group;
    const Index end = (first + count) * v.group;
    for (Index c = first * v.group; c < end; c += sum_tile_size) {
      const Index width = std::min(sum_tile_size, end - c);
      const LaneMoments<S> lanes =
          lane_moments(x.at(r, c), Rows{v.outer, v.outer_stride}, width, tiny_matters(eps_));
      if (v.group == 1) {
        for (Index l = 0; l < width; ++l, ++g) {
          out.mean[g] = lanes.mean[l];
          var[g] = lanes.at(l).biased_variance();
        }
        continue;
      }
      for (Index l = 0; l < width; ++l) {
        group.merge(lanes.at(l));
        if (group.count < v.values_per_statistic()) continue;
        out.mean[g] = group.mean;
        var[g] = group.biased_variance();
        group = {};
        ++g;
      }
    }
    inverse_std(var.data(), count, eps_, out.inv_std.data());
    keep(v.statistic(r, first), count, out, var);
  }

  void of_lanes(const Operand<const Scalar>& x, Index r, Index count, Index g,
                StatisticTile<S>& out) const {
    const CollapsedShape& v = x.shape;
    const Rows rows{v.group * v.outer, v.channel_stride, v.outer, v.outer_stride};
    for (Index begin = 0; begin < count; begin += sum_tile_size) {
      const Index width = std::min(sum_tile_size, count - begin);
      const LaneMoments<S> lanes =
          lane_moments(x.at(r + begin, g * v.group), rows, width, tiny_matters(eps_));
      for (Index l = 0; l < width; ++l) {
        const S var = lanes.at(l).biased_variance();
        out.mean[begin + l] = lanes.mean[l];
        out.inv_std[begin + l] = inverse_std(var, eps_);
        keep(v.statistic(r + begin + l, g), out.at(begin + l), var);
      }
    }
  }

 private:
  void keep(Index first, Index count, const StatisticTile<S>& values, const Tile<S>& var) const {
    if (keep_.mean != nullptr) {
      std::copy_n(values.mean.data(), count, keep_.mean + first);
      std::copy_n(values.inv_std.data(), count, keep_.inv_std + first);
    }
    if (keep_.var != nullptr) std::copy_n(var.data(), count, keep_.var + first);
  }
  void keep(Index statistic, const Statistic<S>& value, const S& var) const {
    if (keep_.mean != nullptr) {
      keep_.mean[statistic] = value.mean;
      keep_.inv_std[statistic] = value.inv_std;
    }
    if (keep_.var != nullptr) keep_.var[statistic] = var;
  }

  double eps_;
  Keep keep_;
};

/// Statistics known beforehand: `at(index)` is the one of that index, `take(n, index, out)` are
/// those of index(0), index(1), ... .
template <typename Scalar, typename At>
class Known : private At {
  using S = Stat<Scalar>;

 public:
  static constexpr bool by_channel = At::by_channel;

  explicit Known(const At& at) : At(at) {}

  Statistic<S> of_run(const Operand<const Scalar>& x, Index r, Index g) const {
    return At::at(x.shape.statistic(r, g));
  }
  void of_columns(const Operand<const Scalar>& x, Index r, Index first, Index count,
                  StatisticTile<S>& out) const {
    At::take(
        count, [&](Index g) { return x.shape.statistic(r, first + g); }, out);
  }
  void of_lanes(const Operand<const Scalar>& x, Index r, Index count, Index g,
                StatisticTile<S>& out) const {
    At::take(
        count, [&](Index l) { return x.shape.statistic(r + l, g); }, out);
  }
};

template <typename Scalar>
struct StatisticsOfForward {
  static constexpr bool by_channel = false;
  const Stat<Scalar>* mean;
  const Stat<Scalar>* inv_std;

  Statistic<Stat<Scalar>> at(Index i) const { return {mean[i], inv_std[i]}; }
  template <typename Index_>
  void take(Index n, const Index_& index, StatisticTile<Stat<Scalar>>& out) const {
    for (Index i = 0; i < n; ++i) {
      out.mean[i] = mean[index(i)];
      out.inv_std[i] = inv_std[index(i)];
    }
  }
};

template <typename Scalar>
struct StatisticsOfRunning {
  static constexpr bool by_channel = true;  ///< never by row or lane
  const Param<Scalar>* mean;
  const Param<Scalar>* var;
  double eps;

  Statistic<Stat<Scalar>> at(Index i) const {
    using S = Stat<Scalar>;
    return {S(mean[i]), inverse_std(S(var[i]), eps)};
  }
  template <typename Index_>
  void take(Index n, const Index_& index, StatisticTile<Stat<Scalar>>& out) const {
    for (Index i = 0; i < n; ++i) {
      out.mean[i] = Stat<Scalar>(mean[index(i)]);
      out.inv_std[i] = Stat<Scalar>(var[index(i)]);
    }
    inverse_std(out.inv_std.data(), n, eps, out.inv_std.data());
  }
};

/// Those that a forward pass kept, for its backward pass.
template <typename Scalar>
using FromForward = Known<Scalar, StatisticsOfForward<Scalar>>;

/// The running ones of each channel.
template <typename Scalar>
using FromRunning = Known<Scalar, StatisticsOfRunning<Scalar>>;

}  // namespace eigen_norm::kernels
