// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/kernels/coefficient_tiles.hpp"
#include "eigen_norm/kernels/lane_moments.hpp"
#include "eigen_norm/kernels/run_moments.hpp"
#include "eigen_norm/kernels/short_deviations.hpp"
#include "eigen_norm/memory/operand.hpp"

/// Where a loop takes its statistics from: the data in front of it, or numbers given beforehand.
/// Both answer the same four questions, so that no loop knows training from inference:
///
///     of_runs(x, r, g, count, out)        the statistics (r, g), (r, g + 1), ... of runs
///     of_rows(x, r, count, g, out)        the statistics (r, g), (r + 1, g), ... of rows
///     of_columns(x, r, g, count, out)     the statistics (r, g), (r, g + 1), ... of columns
///     of_lanes(x, r, count, g, out)       the statistics (r, g), (r + 1, g), ... of lanes

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

using memory::CollapsedShape;
using memory::Operand;

/// Where statistics of data are written, arrays by statistic; null where nobody asks.
template <typename S>
struct KeptStatistics {
  S* mean = nullptr;
  S* inv_std = nullptr;
  S* var = nullptr;  ///< biased
};

/// Statistics of the data itself, each written where the caller wants to have it.
template <typename Scalar>
class FromData {
  using S = Stat<Scalar>;

 public:
  static constexpr bool by_channel = false;

  /// Not `centred`: the mean counts as 0, so that the variance is the mean of the squares
  /// (RMSNorm).
  explicit FromData(double eps, const KeptStatistics<S>& keep = {}, bool centred = true)
      : eps_(eps), keep_(keep), centred_(centred) {}

  void of_runs(const Operand<const Scalar>& x, Index r, Index first, Index count,
               StatisticTile<S>& out) const {
    const CollapsedShape& v = x.shape;
    // The channels of a group are one long run, unless x is some of the positions alone.
    const bool one_run = v.group == 1 || v.channel_stride == v.inner;
    const Scalar* const data = x.at(r, first * v.group);
    of_lines(one_run ? Runs<Scalar>{data, v.outer, v.outer_stride, v.group * v.inner}
                     : Runs<Scalar>{data, v.group, v.channel_stride, v.inner},
             v.group * v.channel_stride, count, out,
             [&](Index k) { return v.statistic(r, first + k); });
  }

  void of_rows(const Operand<const Scalar>& x, Index r, Index count, Index g,
               StatisticTile<S>& out) const {
    const CollapsedShape& v = x.shape;
    of_lines({x.at(r, g * v.group), 1, 0, v.group}, v.repeat_stride, count, out,
             [&](Index j) { return v.statistic(r + j, g); });
  }

  void of_columns(const Operand<const Scalar>& x, Index r, Index first, Index count,
                  StatisticTile<S>& out) const {
    const CollapsedShape& v = x.shape;
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
          out.inv_std[g] = lanes.at(l).biased_variance();
        }
        continue;
      }
      for (Index l = 0; l < width; ++l) {
        group.merge(lanes.at(l));
        if (group.count < v.values_per_statistic()) continue;
        out.mean[g] = group.mean;
        out.inv_std[g] = group.biased_variance();
        group = {};
        ++g;
      }
    }
    const Index index = v.statistic(r, first);
    finish(count, out, [=](Index k) { return index + k; });
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
        out.mean[begin + l] = lanes.mean[l];
        out.inv_std[begin + l] = lanes.at(l).biased_variance();
      }
    }
    finish(count, out, [&](Index l) { return v.statistic(r + l, g); });
  }

 private:
  /// The statistics of `count` lines, each `stride` after the one before.
  template <typename IndexOf>
  void of_lines(const Runs<Scalar>& first, Index stride, Index count, StatisticTile<S>& out,
                const IndexOf& index_of) const {
    using P = Param<Scalar>;
    Tile<P> centre;
    Tile<S> sum, squares;
    const bool tiny = tiny_matters(eps_);
    if (!centred_) {
      const S weight = S(1) / S(static_cast<double>(first.size()));
      for (Index k = 0; k < count; ++k) {
        out.mean[k] = S(0);
        out.inv_std[k] = sum_of_squares<P>(first.shifted(k * stride), tiny) * weight;
      }
      return finish(count, out, index_of);
    }
    if (first.length <= short_run) {
      short_deviations(first, stride, count, tiny, centre.data(), sum.data(), squares.data());
    } else {
      // One step for all of them and then the next, so that the processor works on many at once.
      const auto line = [&](Index k) { return first.shifted(k * stride); };
      for (Index k = 0; k < count; ++k) centre[k] = sample_mean<P>(line(k));
      for (Index k = 0; k < count; ++k) {
        const CentredDeviations<Scalar> about = run_deviations(line(k), centre[k], tiny);
        centre[k] = about.centre;
        sum[k] = about.d.sum;
        squares[k] = about.d.squares;
      }
    }
    of_deviations(first.size(), count, centre, sum, squares, out, index_of);
  }

  template <typename IndexOf>
  void of_deviations(Index n, Index count, const Tile<Param<Scalar>>& centre, const Tile<S>& sum,
                     const Tile<S>& squares, StatisticTile<S>& out, const IndexOf& index_of) const {
    for (Index k = 0; k < count; ++k) {
      const Moments<S> moments = Deviations<S>{sum[k], squares[k]}.moments(n, centre[k]);
      out.mean[k] = moments.mean;
      out.inv_std[k] = moments.biased_variance();
    }
    finish(count, out, index_of);
  }

  /// Makes inv_std of the variances that `out` holds in its place.
  template <typename IndexOf>
  void finish(Index count, StatisticTile<S>& out, const IndexOf& index_of) const {
    for (Index k = 0; !centred_ && k < count; ++k) {
      out.inv_std[k] += S(out.mean[k] * out.mean[k]);  // sum_i x_i^2 / m = var + mean^2
      out.mean[k] = S(0);
    }
    show_overflow(out.inv_std.data(), count);
    for (Index k = 0; keep_.var != nullptr && k < count; ++k) {
      keep_.var[index_of(k)] = out.inv_std[k];
    }
    inverse_std(out.inv_std.data(), count, eps_);
    for (Index k = 0; keep_.mean != nullptr && k < count; ++k) {
      keep_.mean[index_of(k)] = out.mean[k];
    }
    for (Index k = 0; keep_.inv_std != nullptr && k < count; ++k) {
      keep_.inv_std[index_of(k)] = out.inv_std[k];
    }
  }

  double eps_;
  KeptStatistics<S> keep_;
  bool centred_;
};

/// Statistics known beforehand: `take(n, index, out)` are those of index(0), index(1), ... .
template <typename Scalar, typename At>
class Known : private At {
  using S = Stat<Scalar>;

 public:
  static constexpr bool by_channel = At::by_channel;

  explicit Known(const At& at) : At(at) {}

  void of_runs(const Operand<const Scalar>& x, Index r, Index first, Index count,
               StatisticTile<S>& out) const {
    of_columns(x, r, first, count, out);
  }
  void of_columns(const Operand<const Scalar>& x, Index r, Index first, Index count,
                  StatisticTile<S>& out) const {
    At::take(
        count, [&](Index g) { return x.shape.statistic(r, first + g); }, out);
  }
  void of_rows(const Operand<const Scalar>& x, Index r, Index count, Index g,
               StatisticTile<S>& out) const {
    of_lanes(x, r, count, g, out);
  }
  void of_lanes(const Operand<const Scalar>& x, Index r, Index count, Index g,
                StatisticTile<S>& out) const {
    At::take(
        count, [&](Index l) { return x.shape.statistic(r + l, g); }, out);
  }
};

template <typename Scalar, bool ByChannel>
struct GivenStatistics {
  static constexpr bool by_channel = ByChannel;
  const Stat<Scalar>* mean;
  const Stat<Scalar>* inv_std;

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
    inverse_std(out.inv_std.data(), n, eps);
  }
};

/// Those that a forward pass kept, for its backward pass.
template <typename Scalar>
using FromForward = Known<Scalar, GivenStatistics<Scalar, false>>;

/// Those of each channel, never by row or lane.
template <typename Scalar>
using FromChannels = Known<Scalar, GivenStatistics<Scalar, true>>;

/// The running ones of each channel.
template <typename Scalar>
using FromRunning = Known<Scalar, StatisticsOfRunning<Scalar>>;

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
