// SPDX-License-Identifier: MIT
#include "support/reference.hpp"

#include <cmath>
#include <cstddef>
#include <functional>
#include <stdexcept>

namespace eigen_norm::test {

namespace {

// Which statistic, or which gamma and beta, the element at these indices belongs to.
using Owner = std::function<std::size_t(const Dims&)>;

struct Problem {
  const Logical& x;
  const Logical& dy;
  const Affine& affine;
  Real eps;
  std::size_t statistics;  // how many there are
  std::size_t parameters;
  Owner statistic_of;
  Owner parameter_of;
  bool centred = true;  // false: the mean is taken for 0

  Real gamma(std::size_t p) const { return affine.gamma.empty() ? Real(1) : affine.gamma.at(p); }
  Real beta(std::size_t p) const { return affine.beta.empty() ? Real(0) : affine.beta.at(p); }

  template <typename Visit>
  void for_each(Visit visit) const {
    for_each_index(x.dims, [&](const Dims& at) { visit(at, statistic_of(at), parameter_of(at)); });
  }
};

std::size_t position(Index index) { return static_cast<std::size_t>(index); }

Real inverse_std(Real var, Real eps) { return var + eps == 0 ? Real(0) : 1 / std::sqrt(var + eps); }

// A sum of many terms is rounded many times. What it is off by is the mean of the deviations, which
// leaves a constant exactly its mean.
void refine_means(const Problem& problem, const Values& m, Values& mean) {
  Values deviations(m.size(), 0);
  problem.for_each([&](const Dims& at, std::size_t s, std::size_t) {
    deviations[s] += problem.x.at(at) - mean[s];
  });
  for (std::size_t s = 0; s < m.size(); ++s) mean[s] += deviations[s] / m[s];
}

// mean = sum(x) / m, var = sum((x - mean)^2) / m, by definition.
Values find_statistics(const Problem& problem, Reference& result) {
  Values m(problem.statistics, 0);
  result.mean.assign(problem.statistics, 0);
  result.var.assign(problem.statistics, 0);
  problem.for_each([&](const Dims& at, std::size_t s, std::size_t) {
    m[s] += 1;
    result.mean[s] += problem.x.at(at);
  });
  for (std::size_t s = 0; s < m.size(); ++s) {
    result.mean[s] = problem.centred ? result.mean[s] / m[s] : Real(0);
  }
  if (problem.centred) refine_means(problem, m, result.mean);
  problem.for_each([&](const Dims& at, std::size_t s, std::size_t) {
    const Real centred = problem.x.at(at) - result.mean[s];
    result.var[s] += centred * centred;
  });
  for (std::size_t s = 0; s < m.size(); ++s) {
    result.unbiased_var.push_back(result.var[s] / (m[s] - 1));
    result.var[s] /= m[s];
    result.inv_std.push_back(inverse_std(result.var[s], problem.eps));
  }
  return m;
}

// xhat = (x - mean) * inv_std, y = gamma * xhat + beta, dgamma = sum(dy * xhat), dbeta = sum(dy).
void apply(const Problem& problem, Reference& result) {
  if (problem.dy.dims != problem.x.dims) throw std::invalid_argument("dy has another shape than x");
  result.y = Logical(problem.x.dims);
  result.dgamma.assign(problem.parameters, 0);
  result.dbeta.assign(problem.parameters, 0);
  problem.for_each([&](const Dims& at, std::size_t s, std::size_t p) {
    const Real xhat = (problem.x.at(at) - result.mean[s]) * result.inv_std[s];
    result.y.at(at) = problem.gamma(p) * xhat + problem.beta(p);
    result.dgamma[p] += problem.dy.at(at) * xhat;
    result.dbeta[p] += problem.dy.at(at);
  });
}

// With g = dy * gamma, over the m values that share a statistic:
// dx = inv_std * (g - mean(g) - xhat * mean(g * xhat)), without mean(g) where no mean is taken
// away.
Reference normalize(const Problem& problem) {
  Reference result;
  const Values m = find_statistics(problem, result);
  apply(problem, result);
  Values mean_g(problem.statistics, 0);
  Values mean_g_xhat(problem.statistics, 0);
  problem.for_each([&](const Dims& at, std::size_t s, std::size_t p) {
    const Real g = problem.dy.at(at) * problem.gamma(p);
    if (problem.centred) mean_g[s] += g / m[s];
    mean_g_xhat[s] += g * (problem.x.at(at) - result.mean[s]) * result.inv_std[s] / m[s];
  });
  result.dx = Logical(problem.x.dims);
  problem.for_each([&](const Dims& at, std::size_t s, std::size_t p) {
    const Real g = problem.dy.at(at) * problem.gamma(p);
    const Real xhat = (problem.x.at(at) - result.mean[s]) * result.inv_std[s];
    result.dx.at(at) = result.inv_std[s] * (g - mean_g[s] - xhat * mean_g_xhat[s]);
  });
  return result;
}

Problem by_channel(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                   Index channel_axis) {
  const std::size_t axis = position(channel_axis);
  const std::size_t channels = position(x.dims.at(axis));
  const Owner channel_of = [axis](const Dims& at) { return position(at[axis]); };
  return {x, dy, affine, eps, channels, channels, channel_of, channel_of};
}

}  // namespace

Reference batch_norm(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                     Index channel_axis) {
  return normalize(by_channel(x, dy, affine, eps, channel_axis));
}

Reference batch_norm_eval(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                          const Values& mean, const Values& var, Index channel_axis) {
  const Problem problem = by_channel(x, dy, affine, eps, channel_axis);
  Reference result;
  result.mean = mean;
  result.var = result.unbiased_var = var;
  for (const Real v : var) result.inv_std.push_back(inverse_std(v, eps));
  apply(problem, result);
  result.dx = Logical(x.dims);
  problem.for_each([&](const Dims& at, std::size_t s, std::size_t p) {
    result.dx.at(at) = dy.at(at) * problem.gamma(p) * result.inv_std.at(s);
  });
  return result;
}

namespace {

Problem by_row(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
               Index normalized_rank) {
  const std::size_t leading = position(x.rank() - normalized_rank);
  const auto flat = [dims = x.dims](const Dims& at, std::size_t begin, std::size_t end) {
    Index result = 0;
    for (std::size_t axis = begin; axis < end; ++axis) result = result * dims[axis] + at[axis];
    return position(result);
  };
  const Dims rows(x.dims.begin(), x.dims.begin() + (x.rank() - normalized_rank));
  const Dims features(x.dims.begin() + (x.rank() - normalized_rank), x.dims.end());
  return {x,
          dy,
          affine,
          eps,
          position(count(rows)),
          position(count(features)),
          [=](const Dims& at) { return flat(at, 0, leading); },
          [=](const Dims& at) { return flat(at, leading, at.size()); }};
}

}  // namespace

Reference layer_norm(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                     Index normalized_rank) {
  return normalize(by_row(x, dy, affine, eps, normalized_rank));
}

Reference rms_norm(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                   Index normalized_rank) {
  Problem problem = by_row(x, dy, affine, eps, normalized_rank);
  problem.centred = false;
  return normalize(problem);
}

Reference group_norm(const Logical& x, const Logical& dy, const Affine& affine, Real eps,
                     Index groups, Index channel_axis) {
  const std::size_t axis = position(channel_axis);
  const Index channels = x.dims.at(axis);
  if (channels % groups != 0) throw std::invalid_argument("groups do not divide the channels");
  const Index width = channels / groups;
  return normalize({x, dy, affine, eps, position(x.dims[0] * groups), position(channels),
                    [=](const Dims& at) { return position(at[0] * groups + at[axis] / width); },
                    [=](const Dims& at) { return position(at[axis]); }});
}

}  // namespace eigen_norm::test
