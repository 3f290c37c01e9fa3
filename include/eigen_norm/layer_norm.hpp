// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "eigen_norm/core/options.hpp"
#include "eigen_norm/core/trailing_layer.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Layer normalization (Ba, Kiros, Hinton 2016, arXiv:1607.06450) over the trailing dimensions:
///
///     y = (x - mean) / sqrt(var + eps) * gamma + beta
///
/// mean and var (biased) are those of each row, over `normalized_shape`; gamma and beta have one
/// number for each element of it, flat, in row-major order whatever x's storage order. The same in
/// training and in eval, as torch.nn.LayerNorm.
///
///     LayerNorm<float> norm(768);         // (..., 768)
///     LayerNorm<float> norm({56, 56});    // (..., 56, 56)
///     LayerNorm<float, 64> norm;          // (..., 64), fixed at compile time
///
/// Throws std::invalid_argument for an input that does not end in normalized_shape.
template <typename Scalar, int Features = Eigen::Dynamic>
class LayerNorm
    : public TrailingLayer<LayerNorm<Scalar, Features>, Scalar, Features, LayerNormOptions> {
  using Base = TrailingLayer<LayerNorm, Scalar, Features, LayerNormOptions>;
  friend Base;
  friend typename Base::LayerBase;
  friend typename Base::ConditionedBase;
  friend typename Base::CallsBase;

 public:
  using Base::Base;

 private:
  static std::string class_name() { return "LayerNorm"; }
  static typename Base::Settings settings(const LayerNormOptions& options) {
    return {options.eps, options.gamma, options.beta, false};
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
