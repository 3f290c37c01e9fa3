// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <vector>

#include "eigen_norm/core/mask.hpp"
#include "eigen_norm/core/parameters.hpp"
#include "eigen_norm/kernels/statistics.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// x cut into units, the largest pieces with statistics, a scale and a shift of their own, or a
/// line of the mask: all of it, a sample, or a row of LayerNorm, along which its mask goes.
/// Row-major.
class Units {
 public:
  /// `per_sample`: each of them has a scale and a shift of its own.
  Units(const memory::CollapsedShape& view, Index samples, bool masked, bool along_channels,
        bool per_sample)
      : share_statistics_(view.repeats == 1 && !along_channels),
        along_channels_(along_channels),
        samples_(share_statistics_ && !per_sample ? 1 : samples),
        count_(masked && along_channels ? view.repeats : samples_),
        repeats_(share_statistics_ ? 1 : view.repeats / count_),
        run_(view.inner > 1 ? view.inner : view.outer),
        groups_(view.groups()),
        places_(along_channels ? view.channels : view.outer * view.inner * view.repeats / count_),
        values_per_place_(along_channels ? 1 : view.group) {}

  Index count() const { return count_; }
  Index samples() const { return samples_; }
  Index sample_of(Index unit) const { return unit * samples_ / count_; }
  Index first_unit(Index sample) const { return sample * (count_ / samples_); }
  bool share_statistics() const { return share_statistics_; }

  template <typename T>
  memory::Operand<T> unit(const memory::Operand<T>& x, Index u) const {
    if (count_ == 1) return x;
    return share_statistics_ ? x.positions(u * places_, (u + 1) * places_)
                             : x.repeats(u * repeats_, (u + 1) * repeats_);
  }
  template <typename T>
  memory::Operand<T> sample(const memory::Operand<T>& x, Index n) const {
    if (count_ == samples_) return unit(x, n);
    return x.repeats(first_unit(n) * repeats_, first_unit(n + 1) * repeats_);
  }

  /// Where a unit's statistics begin among those of all.
  Index first_statistic(Index u) const { return share_statistics_ ? 0 : u * repeats_ * groups_; }

  /// f(a part of each of these operands of unit u, its first channel, whether it counts)
  template <typename F, typename... Ts>
  void for_each_part(const Mask* mask, Index u, const F& f,
                     const memory::Operand<Ts>&... of_unit) const {
    if (mask == nullptr) return f(of_unit..., Index{0}, true);
    const Index first = u * places_;
    mask->for_each_span(first, first + places_, [&](Index begin, Index end, bool valid) {
      begin -= first;
      end -= first;
      if (along_channels_) return f(of_unit.channels(begin, end)..., begin, valid);
      for (Index next; begin < end; begin = next) {
        next = std::min(end, begin - begin % run_ + run_);
        f(of_unit.positions(begin, next)..., Index{0}, valid);
      }
    });
  }

  /// Values that each of a unit's statistics is of.
  Index values(const Mask* mask, Index u) const {
    const Index first = share_statistics_ ? 0 : u;
    const Index last = share_statistics_ ? count_ : u + 1;
    const Index begin = first * places_, end = last * places_;
    return values_per_place_ * (mask == nullptr ? end - begin : mask->count(begin, end));
  }

  /// Mean and biased variance by statistic of what counts, merged part by part; both are 0 where
  /// nothing does. Not `centred`: the mean counts as 0 (RMSNorm).
  template <typename Scalar>
  void measure(const memory::Operand<const Scalar>& x, const Mask* mask, double eps, bool centred,
               Stat<Scalar>* mean, Stat<Scalar>* var) const {
    using S = Stat<Scalar>;
    if (mask == nullptr) {
      return kernels::statistics(x, kernels::FromData<Scalar>(eps, {mean, nullptr, var}, centred));
    }
    const Index size = x.shape.statistics();
    std::vector<kernels::Moments<S>> moments(static_cast<std::size_t>(size));
    Parameters<S> part_mean(groups_), part_var(groups_);
    for (Index u = 0; u < count_; ++u) {
      const auto add = [&](const memory::Operand<const Scalar>& part, Index, bool valid) {
        if (!valid) return;
        kernels::statistics(
            part, kernels::FromData<Scalar>(eps, {part_mean.data(), nullptr, part_var.data()}));
        const Index n = part.shape.values_per_statistic();
        for (Index g = 0; g < groups_; ++g) {
          moments[static_cast<std::size_t>(first_statistic(u) + g)].merge(
              {n, part_mean[g], part_var[g] * S(static_cast<double>(n))});
        }
      };
      for_each_part(mask, u, add, unit(x, u));
    }
    for (Index i = 0; i < size; ++i) {
      const kernels::Moments<S>& m = moments[static_cast<std::size_t>(i)];
      const S biased = m.count == 0 ? S(0) : m.biased_variance();
      mean[i] = centred ? m.mean : S(0);
      var[i] = centred ? biased : S(biased + m.mean * m.mean);
    }
    kernels::show_overflow(var, size);
  }

 private:
  bool share_statistics_;  ///< all units have the same: BatchNorm
  bool along_channels_;    ///< the mask tells channels of a unit apart: LayerNorm
  Index samples_, count_;
  Index repeats_;  ///< of x, in a unit
  Index run_;      ///< positions that a part may be of
  Index groups_;
  Index places_;            ///< of the mask, in each unit
  Index values_per_place_;  ///< of a statistic
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
