// SPDX-License-Identifier: MIT
#pragma once

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

/// Statistics of the data itself. `remember(index, moments, statistic)` sees each one.
template <typename Scalar, typename Remember>
class FromData {
  using S = Stat<Scalar>;

 public:
  FromData(double eps, const Remember& remember) : eps_(eps), remember_(remember) {}

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
    const Statistic<S> result{moments.mean, inverse_std(moments.biased_variance(), eps_)};
    remember_(statistic, moments, result);
    return result;
  }

  double eps_;
  Remember remember_;
};

/// Statistics known beforehand: `at(index)` is the one of that index.
template <typename Scalar, typename At>
class Given {
  using S = Stat<Scalar>;

 public:
  explicit Given(const At& at) : at_(at) {}

  Statistic<S> of_run(const Operand<const Scalar>& x, Index r, Index g) const {
    return at_(x.shape.statistic(r, g));
  }
  void of_columns(const Operand<const Scalar>& x, Index r, Index first, Index count,
                  Statistic<S>* out) const {
    for (Index g = 0; g < count; ++g) out[g] = at_(x.shape.statistic(r, first + g));
  }
  void of_lanes(const Operand<const Scalar>& x, Index r, Index count, Index g,
                Statistic<S>* out) const {
    for (Index l = 0; l < count; ++l) out[l] = at_(x.shape.statistic(r + l, g));
  }

 private:
  At at_;
};

}  // namespace eigen_norm::kernels
