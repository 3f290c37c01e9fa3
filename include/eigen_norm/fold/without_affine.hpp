// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/layer_norm.hpp"
#include "eigen_norm/rms_norm.hpp"

namespace eigen_norm::fold {
inline namespace EIGEN_NORM_ABI {

/// What stays of a norm whose gamma and beta are folded into the layer that follows: the same
/// without them.
template <typename Scalar, int Features>
LayerNorm<Scalar, Features> without_affine(const LayerNorm<Scalar, Features>& norm) {
  LayerNormOptions options = norm.options();
  options.gamma = options.beta = false;
  return LayerNorm<Scalar, Features>(norm.normalized_shape(), options);
}

template <typename Scalar, int Features>
RMSNorm<Scalar, Features> without_affine(const RMSNorm<Scalar, Features>& norm) {
  RMSNormOptions options = norm.options();
  options.gamma = false;
  return RMSNorm<Scalar, Features>(norm.normalized_shape(), options);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::fold
