// SPDX-License-Identifier: MIT
#include "differential/truth.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/subjects.hpp"

namespace eigen_norm::test {

namespace {

Affine with_ones_and_zeros(Affine affine, std::size_t size) {
  affine.gamma.resize(size, affine.gamma.empty() ? 1 : 0);
  affine.beta.resize(size, 0);
  return affine;
}

// By statistic, how many times larger than Scales an error may be.
struct Factors {
  Values ours, torch;
  Real sums;  // of ours where it is a sum over samples
};

// Ours is none in float, where means and sums are kept in double. In double the mean is rounded as
// x is, if it is no constant, and a sum of n terms n times, which costs sqrt(n) units in the last
// place where the tolerance is 16. PyTorch's grows with the distance of the mean, and with its
// square in channels_last GroupNorm, which takes the variance as mean(x^2) - mean(x)^2; beyond 1e12
// no digit of a double is certain.
Factors factors_of(const Configuration& configuration, bool own_statistics, const Reference& want) {
  const auto& [precision, channels, order, torch_memory] = configuration.layout;
  const bool is_float = precision == Precision::float32;
  const bool squares =
      configuration.layer == Layer::group_norm && torch_memory == Memory::channels_last;
  const Real values = static_cast<Real>(values_per_statistic(configuration));
  const Real terms = static_cast<Real>(want.y.size()) / static_cast<Real>(want.dgamma.size());
  Factors factors;
  factors.sums = is_float ? 1 : std::max(Real(1), std::sqrt(terms) / 16);
  const Real sums_of_x =
      is_float || !own_statistics ? 1 : std::max(Real(1), std::sqrt(values) / 16);
  for (std::size_t s = 0; s < want.mean.size(); ++s) {
    // How many sigmas an error is worth that is made at the size of the values of x, and not of
    // their deviations.
    const Real distance = std::hypot(Real(1), want.mean[s] * want.inv_std[s]);
    const bool is_exact = is_float || !own_statistics || want.var[s] == 0;
    factors.ours.push_back((is_exact ? 1 : distance) * sums_of_x);
    const Real factor = squares ? distance * distance : distance;
    factors.torch.push_back(factor < 1e12L ? factor : std::numeric_limits<Real>::infinity());
  }
  return factors;
}

// A sum of random terms has the size of the root of the sum of their squares, however little of it
// is left. An xhat counts for 1 at least, as it does in y.
void set_scales(const Sharing& sharing, const Logical& x, const Logical& dy, const Reference& want,
                const Scales& size, const Factors& factors, Truth& truth) {
  const std::size_t parameters = want.dgamma.size();
  Values dgamma(parameters, 0), dbeta(parameters, 0), ours(parameters, 1), torch(parameters, 1);
  std::size_t i = 0;
  for_each_index(x.dims, [&](const Dims& at) {
    const std::size_t s = sharing.statistic_of(at), p = sharing.parameter_of(at);
    truth.scale.y.push_back(size.y.values[i] * factors.ours[s]);
    truth.doubt.y.push_back(size.y.values[i] * factors.torch[s]);
    truth.scale.dx.push_back(size.dx.values[i] * factors.ours[s]);
    truth.doubt.dx.push_back(size.dx.values[i] * factors.torch[s]);
    const Real g = dy.values[i], xhat = (x.values[i] - want.mean[s]) * want.inv_std[s];
    dgamma[p] += g * g * std::max(Real(1), xhat * xhat);
    dbeta[p] += g * g;
    ours[p] = std::max(ours[p], factors.ours[s]);
    torch[p] = std::max(torch[p], factors.torch[s]);
    ++i;
  });
  for (std::size_t p = 0; p < parameters; ++p) {
    const Real gamma = std::max(std::sqrt(dgamma[p]), std::abs(want.dgamma[p]));
    const Real beta = std::max(std::sqrt(dbeta[p]), std::abs(want.dbeta[p]));
    truth.scale.dgamma.push_back(gamma * ours[p] * factors.sums);
    truth.doubt.dgamma.push_back(gamma * torch[p]);
    truth.scale.dbeta.push_back(beta * factors.sums);
    truth.doubt.dbeta.push_back(beta);
  }
}

// running = (1 - momentum) * running + momentum * batch, with the average over the instances of
// each channel for the batch.
void update_running(const Configuration& configuration, const Reference& want,
                    const Factors& factors, const Running& before, Truth& truth) {
  const Real momentum =
      configuration.settings.momentum.value_or(1 / static_cast<double>(before.tracked + 1));
  const std::size_t channels = before.mean.size();
  const Real instances = static_cast<Real>(want.mean.size() / channels);
  for (std::size_t c = 0; c < channels; ++c) {
    Real mean = 0, var = 0, spread = 0;
    for (std::size_t s = c; s < want.mean.size(); s += channels) {
      mean += want.mean[s] / instances;
      var += want.unbiased_var[s] / instances;
      spread =
          std::max(spread, (want.unbiased_var[s] + configuration.settings.eps) * factors.torch[s]);
    }
    const Real old_mean = (1 - momentum) * before.mean[c], new_mean = momentum * mean;
    const Real old_var = (1 - momentum) * before.var[c], new_var = momentum * var;
    truth.want.running_mean.push_back(old_mean + new_mean);
    truth.want.running_var.push_back(old_var + new_var);
    const Real size = std::max({std::abs(old_mean), std::abs(new_mean), momentum * std::sqrt(var)});
    truth.scale.running_mean.push_back(size * factors.sums);
    truth.scale.running_var.push_back(std::max(old_var, new_var) * factors.sums);
    truth.doubt.running_mean.push_back(size);
    truth.doubt.running_var.push_back(std::max(old_var, momentum * spread));
  }
}

// PyTorch rounds running statistics that stay as they are: its InstanceNorm averages copies of
// them.
void keep_running(const Running& before, Truth& truth) {
  truth.want.running_mean = before.mean;
  truth.want.running_var = truth.scale.running_var = truth.doubt.running_var = before.var;
  truth.scale.running_mean = before.mean;
  for (Real& mean : truth.scale.running_mean) mean = std::abs(mean);
  truth.doubt.running_mean = truth.scale.running_mean;
}

}  // namespace

Truth truth_of(const Configuration& configuration, const Affine& affine, Mode mode,
               const Logical& x, const Logical& dy, const Running& before) {
  const bool own = uses_own_statistics(configuration, mode);
  const auto eps = static_cast<Real>(configuration.settings.eps);
  const Sharing sharing = own ? sharing_of(configuration) : by_channel(x.dims);
  const Affine all = with_ones_and_zeros(affine, sharing.parameters);
  const Reference want = own ? normalized(x, dy, all, eps, sharing)
                             : normalized_by(before.mean, before.var, x, dy, all, eps, sharing);
  Scales size = scales(sharing, x, dy, all, want);
  if (!own) {  // dx has one term
    for (std::size_t i = 0; i < want.dx.values.size(); ++i) {
      size.dx.values[i] = std::abs(want.dx.values[i]);
    }
  }

  Truth truth;
  truth.want = {want.y.values, want.dx.values, want.dgamma, want.dbeta, {}, {}};
  const Factors factors = factors_of(configuration, own, want);
  set_scales(sharing, x, dy, want, size, factors, truth);
  if (mode == Mode::train && !before.mean.empty()) {
    update_running(configuration, want, factors, before, truth);
  } else {
    keep_running(before, truth);
  }
  for (Answer* answer : {&truth.want, &truth.scale, &truth.doubt}) {
    if (affine.gamma.empty()) answer->dgamma.clear();
    if (affine.beta.empty()) answer->dbeta.clear();
  }
  return truth;
}

void add_gradients(Truth& truth, const Truth& earlier) {
  for (const auto part : {&Truth::want, &Truth::scale, &Truth::doubt}) {
    for (const auto gradient : {&Answer::dgamma, &Answer::dbeta}) {
      Values& sum = truth.*part.*gradient;
      const Values& more = earlier.*part.*gradient;
      for (std::size_t p = 0; p < more.size(); ++p) sum[p] += more[p];
    }
  }
}

}  // namespace eigen_norm::test
