// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <string>

#include "eigen_norm/core/options.hpp"
#include "eigen_norm/core/trailing_layer.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Root mean square normalization (Zhang, Sennrich 2019, arXiv:1910.07467) over the trailing
/// dimensions:
///
///     y = x / sqrt(mean(x^2) + eps) * gamma
///
/// over each row, of `normalized_shape`; gamma has one number for each element of it, flat, in
/// row-major order whatever x's storage order, and there is no beta. As torch.nn.RMSNorm, eps is by
/// default the machine's, of the type that is computed in: float for 16-bit data. With
/// `zero_centered_gamma` it is `1 + gamma` that scales: `gamma()`, the parameter "weight", is the
/// distance from 1 and 0 to begin with. `batch_mean()` is 0, `batch_inv_std()` is
/// 1 / sqrt(mean(x^2) + eps).
///
/// A row with a number that is not finite is NaN throughout; PyTorch gives 0 beside an infinity.
///
///     RMSNorm<float> norm(768);         // (..., 768)
///     RMSNorm<float> norm({56, 56});    // (..., 56, 56)
///     RMSNorm<float, 64> norm;          // (..., 64), fixed at compile time
///
/// Throws std::invalid_argument for an input that does not end in normalized_shape.
template <typename Scalar, int Features = Eigen::Dynamic>
class RMSNorm : public TrailingLayer<RMSNorm<Scalar, Features>, Scalar, Features, RMSNormOptions> {
  using Base = TrailingLayer<RMSNorm, Scalar, Features, RMSNormOptions>;
  friend Base;
  friend typename Base::LayerBase;
  friend typename Base::ConditionedBase;
  friend typename Base::CallsBase;

 public:
  using Base::Base;

 private:
  static constexpr bool centred = false;

  static std::string class_name() { return "RMSNorm"; }
  static typename Base::Settings settings(const RMSNormOptions& options) {
    const auto machine = static_cast<double>(Eigen::NumTraits<Param<Scalar>>::epsilon());
    return {options.eps.value_or(machine), options.gamma, false, options.zero_centered_gamma};
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
