// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>

#include "eigen_norm/kernels/coefficients.hpp"
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
    return finish(v.statistic(r, g), run_moments<Scalar>({x.at(r, g * v.group), v.outer,
                                                          v.outer_stride, v.group * v.inner}));
  }

  void of_columns(const Operand<const Scalar>& x, Index r, Index first, Index count,
                  Statistic<S>* out) const {
    const CollapsedShape& v = x.shape;
    Tile<Moments<S>> groups;
    const Index end = (first + count) * v.group;
    for (Index c = first * v.group; c < end; c += tile_size) {
      const Index width = std::min(tile_size, end - c);
      const LaneMoments<S> lanes = lane_moments(x.at(r, c), Rows{v.outer, v.outer_stride}, width);
      for (Index l = 0; l < width; ++l) {
        groups[index((c + l) / v.group - first)].merge(lanes.at(l));
      }
    }
    for (Index g = 0; g < count; ++g) {
      out[g] = finish(v.statistic(r, first + g), groups[index(g)]);
    }
  }

  void of_lanes(const Operand<const Scalar>& x, Index r, Index count, Index g,
                Statistic<S>* out) const {
    const CollapsedShape& v = x.shape;
    const Rows rows{v.group * v.outer, v.channel_stride, v.outer, v.outer_stride};
    const LaneMoments<S> lanes = lane_moments(x.at(r, g * v.group), rows, count);
    for (Index l = 0; l < count; ++l) out[l] = finish(v.statistic(r + l, g), lanes.at(l));
  }

 private:
  static std::size_t index(Index i) { return static_cast<std::size_t>(i); }

  Statistic<S> finish(Index statistic, const Moments<S>& moments) const {
    const S var = moments.biased_variance();
    const Statistic<S> result{moments.mean, inverse_std(var, eps_)};
    if (keep_.mean != nullptr) {
      keep_.mean[statistic] = result.mean;
      keep_.inv_std[statistic] = result.inv_std;
    }
    if (keep_.var != nullptr) keep_.var[statistic] = var;
    return result;
  }

  double eps_;
  Keep keep_;
};

/// Statistics known beforehand: `at(index)` is the one of that index.
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
                  Statistic<S>* out) const {
    for (Index g = 0; g < count; ++g) out[g] = At::at(x.shape.statistic(r, first + g));
  }
  void of_lanes(const Operand<const Scalar>& x, Index r, Index count, Index g,
                Statistic<S>* out) const {
    for (Index l = 0; l < count; ++l) out[l] = At::at(x.shape.statistic(r + l, g));
  }
};

template <typename Scalar>
struct StatisticsOfForward {
  static constexpr bool by_channel = false;
  const Stat<Scalar>* mean;
  const Stat<Scalar>* inv_std;

  Statistic<Stat<Scalar>> at(Index i) const { return {mean[i], inv_std[i]}; }
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
};

/// Those that a forward pass kept, for its backward pass.
template <typename Scalar>
using FromForward = Known<Scalar, StatisticsOfForward<Scalar>>;

/// The running ones of each channel.
template <typename Scalar>
using FromRunning = Known<Scalar, StatisticsOfRunning<Scalar>>;

}  // namespace eigen_norm::kernels
