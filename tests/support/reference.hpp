// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>

#include "support/logical.hpp"
#include "support/random.hpp"

namespace eigen_norm::test {

// gamma and beta of one layer; an empty one is absent: gamma is then 1, beta 0.
struct Affine {
  Values gamma;
  Values beta;
};

// What a layer owes for one forward and one backward. The statistics are one for each channel
// (BatchNorm), for each row in row-major order of the leading dimensions (LayerNorm), or for each
// group, sample by sample (GroupNorm). dgamma and dbeta are always there, even without gamma and
// beta: the gradients of a gamma of 1 and a beta of 0.
struct Reference {
  Logical y;
  Logical dx;
  Values dgamma;
  Values dbeta;
  Values mean;
  Values var;           // biased: divided by the number of values
  Values unbiased_var;  // divided by one less; infinite or NaN for a single value
  Values inv_std;       // 1 / sqrt(var + eps), and 0 where var + eps is 0
};

// Which statistic, or which gamma and beta, the element at these indices belongs to.
using Membership = std::function<std::size_t(const Dims&)>;

// What shares what: all that tells one layer from another.
struct Sharing {
  std::size_t statistics;  // how many there are
  std::size_t parameters;
  Membership statistic_of;
  Membership parameter_of;
  bool centred = true;                           // false: the mean is taken for 0
  std::function<bool(const Dims&)> counts = {};  // under a mask, which elements statistics are of

  bool is_counted(const Dims& at) const { return !counts || counts(at); }
};

Sharing by_channel(const Dims& dims, Index channel_axis = 1);
Sharing by_row(const Dims& dims, Index normalized_rank = 1);
Sharing by_group(const Dims& dims, Index groups, Index channel_axis = 1);

// By the statistics of x itself. Those of no element that counts are 0.
Reference normalized(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                     const Sharing& sharing);

// With given statistics: they are constants, so dx is dy * gamma * inv_std.
Reference normalized_by(const Values& mean, const Values& var, const Logical& x, const Logical& dy,
                        const Affine& affine, Real eps, const Sharing& sharing);

// The layers by name.

// x (..., C at channel_axis, ...): statistics over everything but the channel.
Reference batch_norm(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                     Index channel_axis = 1);

Reference batch_norm_eval(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                          const Values& mean, const Values& var, Index channel_axis = 1);

// x (..., D1, ..., Dk) with k = normalized_rank: statistics over the trailing k dimensions, gamma
// and beta one for each of their elements, row-major.
Reference layer_norm(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                     Index normalized_rank = 1);

// The same without taking the mean away: mean is 0, var is the mean square.
Reference rms_norm(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                   Index normalized_rank = 1);

// x (N, ..., C at channel_axis, ...): statistics over C / groups neighbouring channels and all
// positions of one sample. groups = C is InstanceNorm.
Reference group_norm(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                     Index groups, Index channel_axis = 1);

}  // namespace eigen_norm::test
