// SPDX-License-Identifier: MIT
#include "support/reference.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace eigen_norm::test {

namespace {

// Everything by element, in the order of Logical::values.
struct Problem {
  const Values& x;
  const Values& dy;
  const Affine& affine;
  Real eps;
  const Sharing& sharing;
  std::vector<std::size_t> statistic, parameter;
  std::vector<bool> counts;

  Problem(const Logical& x_in, const Logical& dy_in, const Affine& affine_in, Real eps_in,
          const Sharing& sharing_in)
      : x(x_in.values), dy(dy_in.values), affine(affine_in), eps(eps_in), sharing(sharing_in) {
    if (dy_in.dims != x_in.dims) throw std::invalid_argument("dy has another shape than x");
    for_each_index(x_in.dims, [&](const Dims& at) {
      statistic.push_back(sharing.statistic_of(at));
      parameter.push_back(sharing.parameter_of(at));
      counts.push_back(sharing.is_counted(at));
    });
  }

  Real gamma(std::size_t p) const { return affine.gamma.empty() ? Real(1) : affine.gamma.at(p); }
  Real beta(std::size_t p) const { return affine.beta.empty() ? Real(0) : affine.beta.at(p); }

  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < x.size(); ++i) visit(i, statistic[i], parameter[i]);
  }
};

std::size_t position(Index index) { return static_cast<std::size_t>(index); }

Real inverse_std(Real var, Real eps) { return var + eps == 0 ? Real(0) : 1 / std::sqrt(var + eps); }

// A sum of many terms is rounded many times. What it is off by is the mean of the deviations, which
// leaves a constant exactly its mean.
void refine_means(const Problem& problem, const Values& m, Values& mean) {
  Values deviations(m.size(), 0);
  problem.for_each([&](std::size_t i, std::size_t s, std::size_t) {
    if (problem.counts[i]) deviations[s] += problem.x[i] - mean[s];
  });
  for (std::size_t s = 0; s < m.size(); ++s) {
    if (m[s] > 0) mean[s] += deviations[s] / m[s];
  }
}

// mean = sum(x) / m, var = sum((x - mean)^2) / m, by definition, over the m values that count.
Values find_statistics(const Problem& problem, Reference& result) {
  const Sharing& sharing = problem.sharing;
  Values m(sharing.statistics, 0);
  result.mean.assign(sharing.statistics, 0);
  result.var.assign(sharing.statistics, 0);
  problem.for_each([&](std::size_t i, std::size_t s, std::size_t) {
    if (!problem.counts[i]) return;
    m[s] += 1;
    result.mean[s] += problem.x[i];
  });
  for (std::size_t s = 0; s < m.size(); ++s) {
    result.mean[s] = sharing.centred && m[s] > 0 ? result.mean[s] / m[s] : Real(0);
  }
  if (sharing.centred) refine_means(problem, m, result.mean);
  problem.for_each([&](std::size_t i, std::size_t s, std::size_t) {
    if (!problem.counts[i]) return;
    const Real centred = problem.x[i] - result.mean[s];
    result.var[s] += centred * centred;
  });
  for (std::size_t s = 0; s < m.size(); ++s) {
    result.unbiased_var.push_back(result.var[s] / (m[s] - 1));
    result.var[s] /= std::max(Real(1), m[s]);
    result.inv_std.push_back(inverse_std(result.var[s], problem.eps));
  }
  return m;
}

// xhat = (x - mean) * inv_std, y = gamma * xhat + beta, dgamma = sum(dy * xhat), dbeta = sum(dy).
void apply(const Problem& problem, Reference& result) {
  result.dgamma.assign(problem.sharing.parameters, 0);
  result.dbeta.assign(problem.sharing.parameters, 0);
  problem.for_each([&](std::size_t i, std::size_t s, std::size_t p) {
    const Real xhat = (problem.x[i] - result.mean[s]) * result.inv_std[s];
    result.y.values[i] = problem.gamma(p) * xhat + problem.beta(p);
    result.dgamma[p] += problem.dy[i] * xhat;
    result.dbeta[p] += problem.dy[i];
  });
}

}  // namespace

// With g = dy * gamma, and sums over all that share a statistic, of which m count:
// dx = inv_std * (g - sum(g) / m - xhat * sum(g * xhat) / m), without sum(g) where no mean is taken
// away, and without both sums where x does not count.
Reference normalized(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                     const Sharing& sharing) {
  const Problem problem(x, dy, affine, eps, sharing);
  Reference result;
  result.y = result.dx = Logical(x.dims);
  const Values m = find_statistics(problem, result);
  apply(problem, result);
  Values mean_g(sharing.statistics, 0);
  Values mean_g_xhat(sharing.statistics, 0);
  problem.for_each([&](std::size_t i, std::size_t s, std::size_t p) {
    const Real g = problem.dy[i] * problem.gamma(p);
    if (sharing.centred) mean_g[s] += g / m[s];
    mean_g_xhat[s] += g * (problem.x[i] - result.mean[s]) * result.inv_std[s] / m[s];
  });
  problem.for_each([&](std::size_t i, std::size_t s, std::size_t p) {
    const Real xhat = (problem.x[i] - result.mean[s]) * result.inv_std[s];
    Real g = problem.dy[i] * problem.gamma(p);
    if (problem.counts[i]) g = g - mean_g[s] - xhat * mean_g_xhat[s];
    result.dx.values[i] = result.inv_std[s] * g;
  });
  return result;
}

Reference normalized_by(const Values& mean, const Values& var, const Logical& x, const Logical& dy,
                        const Affine& affine, Real eps, const Sharing& sharing) {
  const Problem problem(x, dy, affine, eps, sharing);
  Reference result;
  result.y = result.dx = Logical(x.dims);
  result.mean = mean;
  result.var = result.unbiased_var = var;
  for (const Real v : var) result.inv_std.push_back(inverse_std(v, eps));
  apply(problem, result);
  problem.for_each([&](std::size_t i, std::size_t s, std::size_t p) {
    result.dx.values[i] = problem.dy[i] * problem.gamma(p) * result.inv_std.at(s);
  });
  return result;
}

Sharing by_channel(const Dims& dims, Index channel_axis) {
  const std::size_t axis = position(channel_axis);
  const std::size_t channels = position(dims.at(axis));
  const Membership channel_of = [axis](const Dims& at) { return position(at[axis]); };
  return {channels, channels, channel_of, channel_of};
}

Sharing by_row(const Dims& dims, Index normalized_rank) {
  const auto split = static_cast<std::ptrdiff_t>(dims.size()) - normalized_rank;
  const auto leading = static_cast<std::size_t>(split);
  const auto flat = [dims](const Dims& at, std::size_t begin, std::size_t end) {
    Index result = 0;
    for (std::size_t axis = begin; axis < end; ++axis) result = result * dims[axis] + at[axis];
    return position(result);
  };
  return {position(count(Dims(dims.begin(), dims.begin() + split))),
          position(count(Dims(dims.begin() + split, dims.end()))),
          [=](const Dims& at) { return flat(at, 0, leading); },
          [=](const Dims& at) { return flat(at, leading, at.size()); }};
}

Sharing by_group(const Dims& dims, Index groups, Index channel_axis) {
  const std::size_t axis = position(channel_axis);
  const Index channels = dims.at(axis);
  if (channels % groups != 0) throw std::invalid_argument("groups do not divide the channels");
  const Index width = channels / groups;
  return {position(dims[0] * groups), position(channels),
          [=](const Dims& at) { return position(at[0] * groups + at[axis] / width); },
          [=](const Dims& at) { return position(at[axis]); }};
}

Reference batch_norm(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                     Index channel_axis) {
  return normalized(x, dy, affine, eps, by_channel(x.dims, channel_axis));
}

Reference batch_norm_eval(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                          const Values& mean, const Values& var, Index channel_axis) {
  return normalized_by(mean, var, x, dy, affine, eps, by_channel(x.dims, channel_axis));
}

Reference layer_norm(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                     Index normalized_rank) {
  return normalized(x, dy, affine, eps, by_row(x.dims, normalized_rank));
}

Reference rms_norm(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                   Index normalized_rank) {
  Sharing sharing = by_row(x.dims, normalized_rank);
  sharing.centred = false;
  return normalized(x, dy, affine, eps, sharing);
}

Reference group_norm(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                     Index groups, Index channel_axis) {
  return normalized(x, dy, affine, eps, by_group(x.dims, groups, channel_axis));
}

}  // namespace eigen_norm::test
