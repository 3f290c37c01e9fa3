// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/batch_norm.hpp"
#include "support/layer_check.hpp"

// Norms that hide no mistake, and how they answer by definition.
namespace eigen_norm::test {

// gamma and beta where there are any, and running statistics about a mean.
template <typename Norm>
void randomise(Norm& norm, Real mean = 0) {
  const Index size = norm.num_features();
  if (norm.gamma().size() > 0) copy_to_parameters(random_gamma(size, 31), norm.gamma());
  if (norm.beta().size() > 0) copy_to_parameters(random_beta(size, 32), norm.beta());
  copy_to_parameters(random_normal({size}, 33, mean, 2).values, norm.running_mean());
  copy_to_parameters(random_uniform({size}, 34, 0.25L, 4).values, norm.running_var());
}

template <typename Norm>
Affine affine_of(const Norm& norm) {
  return {from_parameters(norm.gamma()), from_parameters(norm.beta())};
}

// Inference by running statistics, with channels at an axis of x.
template <typename Norm>
Logical inferred(const Norm& norm, const Logical& x, Index axis = 1) {
  return batch_norm_eval(x, Logical(x.dims), affine_of(norm), Real(norm.options().eps),
                         from_parameters(norm.running_mean()), from_parameters(norm.running_var()),
                         axis)
      .y;
}

template <typename Vector>
Vector to_vector(const Values& values) {
  return to_eigen<Vector>(Logical({static_cast<Index>(values.size()), 1}, values));
}

inline BatchNormOptions batch_norm_with(bool gamma, bool beta, ChannelAxis channels = {}) {
  BatchNormOptions options;
  options.eps = 1e-3;
  options.gamma = gamma;
  options.beta = beta;
  options.channels = channels;
  return options;
}

}  // namespace eigen_norm::test
