// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/core/per_sample.hpp"
#include "eigen_norm/core/units.hpp"
#include "eigen_norm/kernels/backward.hpp"
#include "eigen_norm/kernels/normalise.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Forward and backward unit by unit, with the statistics of all of them given: the way of a Mask
/// and of a scale and shift PerSample.
template <typename Scalar>
class UnitPass {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  using ConstOperand = memory::Operand<const Scalar>;
  using MutableOperand = memory::Operand<Scalar>;

 public:
  /// `mask` and `per_sample` may be null; `own_statistics`: mean and inv_std are x's. Not
  /// `centred`: no mean was taken away (RMSNorm).
  UnitPass(const Units& units, const Mask* mask, const kernels::Affine<P>& affine,
           const PerSample<P>* per_sample, const S* mean, const S* inv_std, bool own_statistics,
           bool centred)
      : units_(units),
        mask_(mask),
        affine_(affine),
        per_sample_(per_sample),
        mean_(mean),
        inv_std_(inv_std),
        own_statistics_(own_statistics),
        centred_(centred) {}

  /// y(n, c, ...) = xhat(n, c, ...) * gamma(n, c) + beta(n, c)
  void normalise(const ConstOperand& x, const MutableOperand& y) const {
    if (per_sample_ == nullptr) return kernels::normalise(x, y, affine_, statistics(0));
    for (Index n = 0; n < units_.samples(); ++n) {
      kernels::normalise(units_.sample(x, n), units_.sample(y, n), affine_of(n),
                         statistics(units_.first_unit(n)));
    }
  }

  /// dx, and accumulate(sample, dgamma, dbeta), arrays by channel, for each sample that has a gamma
  /// and beta of its own, or once for all, as sample 0. With t1 and t2 the sums of gamma * dy and
  /// gamma * dy * xhat over all elements that share a statistic, of which M count and mask(i) = 1
  /// where i does:
  ///
  ///     dx(i) = inv_std * (gamma * dy(i) - mask(i) * (t1 + xhat(i) * t2) / M)
  template <typename Accumulate>
  void differentiate(const ConstOperand& x, const ConstOperand& dy, const MutableOperand& dx,
                     const Accumulate& accumulate) const {
    if (mask_ == nullptr && !units_.share_statistics()) {
      return differentiate_one_by_one(x, dy, dx, accumulate);
    }
    const Index channels = x.shape.channels;
    const Parameters<S> nothing = Parameters<S>::Zero(x.shape.statistics());
    Parameters<S> t1 = nothing, t2 = nothing, sums;
    SharedSums<Accumulate> shared(channels, per_sample_ != nullptr, accumulate);
    for (Index u = 0; u < units_.count(); ++u) {
      const ConstOperand xs = units_.unit(x, u), dys = units_.unit(dy, u);
      const kernels::Affine<P> affine = affine_of(units_.sample_of(u));
      const Index pieces = kernels::Partition::pieces(xs.shape);
      sums.resize(2 * channels * pieces);
      kernels::backward(
          kernels::BackwardPass<Scalar>{
              xs, dys, {nullptr, xs.shape}, affine, own_statistics_, sums.data()},
          statistics(u), pieces);
      const Index first = units_.first_statistic(u);
      for (Index g = 0; g < x.shape.groups(); ++g) {
        auto t = kernels::GradientSums<S>::zero();
        for (Index c = g * x.shape.group; c < (g + 1) * x.shape.group; ++c) {
          t.add({sums[channels + c], sums[c]}, S(affine.gamma_at(c)));
        }
        t1[first + g] += t.dy;
        t2[first + g] += t.dy_xhat;
      }
      shared.add(units_.sample_of(u), sums);
    }
    shared.finish();
    for (Index u = 0; u < units_.count(); ++u) {
      const Index first = units_.first_statistic(u);
      const Index values = std::max<Index>(1, units_.values(mask_, u));
      const auto write = [&](const ConstOperand& xs, const ConstOperand& dys,
                             const MutableOperand& dxs, Index channel, bool counts) {
        kernels::Affine<P> affine = affine_of(units_.sample_of(u));
        if (affine.gamma != nullptr) affine.gamma += channel;
        kernels::BackwardPass<Scalar> pass{xs,      dys,     dxs, affine, own_statistics_ && counts,
                                           nullptr, centred_};
        pass.given = {(counts ? t1 : nothing).data() + first,
                      (counts ? t2 : nothing).data() + first, values};
        kernels::backward(pass, statistics(u), 1);
      };
      units_.for_each_part(mask_, u, write, units_.unit(x, u), units_.unit(dy, u),
                           units_.unit(dx, u));
    }
  }

 private:
  /// dgamma and dbeta of units, added up in Stat for all that have the same gamma and beta: rounded
  /// to P unit by unit, a small one would be lost beside the sum of many.
  template <typename Accumulate>
  class SharedSums {
   public:
    SharedSums(Index channels, bool by_sample, const Accumulate& accumulate)
        : sums_(Parameters<S>::Zero(2 * channels)),
          by_sample_(by_sample),
          accumulate_(accumulate) {}

    /// Units come in the order of their samples.
    void add(Index sample, const Parameters<S>& unit) {
      if (by_sample_ && sample != sample_) {
        finish();
        sums_.setZero();
        sample_ = sample;
      }
      sums_ += unit.head(sums_.size());
    }
    void finish() const { accumulate_(sample_, sums_.data(), sums_.data() + sums_.size() / 2); }

   private:
    Parameters<S> sums_;
    Index sample_ = 0;
    bool by_sample_;
    const Accumulate& accumulate_;
  };

  /// The same where every unit has statistics of its own: both halves at once.
  template <typename Accumulate>
  void differentiate_one_by_one(const ConstOperand& x, const ConstOperand& dy,
                                const MutableOperand& dx, const Accumulate& accumulate) const {
    const Index channels = x.shape.channels;
    Parameters<S> sums;
    SharedSums<Accumulate> shared(channels, per_sample_ != nullptr, accumulate);
    for (Index u = 0; u < units_.count(); ++u) {
      const ConstOperand xs = units_.unit(x, u);
      const Index pieces = kernels::Partition::pieces(xs.shape);
      sums.resize(2 * channels * pieces);
      kernels::backward(
          kernels::BackwardPass<Scalar>{xs, units_.unit(dy, u), units_.unit(dx, u), affine_of(u),
                                        own_statistics_, sums.data(), centred_},
          statistics(u), pieces);
      shared.add(u, sums);
    }
    shared.finish();
  }

  kernels::Affine<P> affine_of(Index sample) const {
    if (per_sample_ == nullptr) return affine_;
    return {per_sample_->row(per_sample_->scale, sample),
            per_sample_->row(per_sample_->shift, sample)};
  }

  kernels::FromForward<Scalar> statistics(Index unit) const {
    const Index first = units_.first_statistic(unit);
    return kernels::FromForward<Scalar>({mean_ + first, inv_std_ + first});
  }

  Units units_;
  const Mask* mask_;
  kernels::Affine<P> affine_;
  const PerSample<P>* per_sample_;
  const S* mean_;
  const S* inv_std_;
  bool own_statistics_, centred_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
