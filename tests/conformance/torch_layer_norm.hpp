// SPDX-License-Identifier: MIT
#pragma once

#include "conformance/torch.hpp"
#include "eigen_norm/layer_norm.hpp"
#include "eigen_norm/rms_norm.hpp"

namespace eigen_norm::test {

// LayerNorm and RMSNorm: the layers over trailing dimensions.
inline LayerNormOptions layer_norm_options(const GoldenCase& golden) {
  return {golden.number("eps"), golden.flag("weight"), golden.flag("bias")};
}
inline RMSNormOptions rms_norm_options(const GoldenCase& golden) {
  return {optional_number(golden, "eps"), golden.flag("weight")};
}

template <typename Tensor, typename Layer, typename Scalar, typename Options>
void compare_trailing_case(Comparison<Scalar>& compare, const GoldenCase& golden,
                           const Options& options) {
  const Dims& dims = golden.array("x").dims;
  const auto normalized_rank = static_cast<Index>(golden.number("normalized_rank"));
  Layer layer(Dims(dims.end() - normalized_rank, dims.end()), options);
  set_parameters(layer, golden);
  compare_step<Tensor>(compare, layer, golden, "", channels_first<Tensor>());
  compare_infer<Tensor>(compare, layer, golden, "", channels_first<Tensor>());
}

template <typename Layer, typename Scalar, typename OptionsOf>
void compare_trailing(Comparison<Scalar>& compare, const char* file, OptionsOf options_of) {
  for (const GoldenCase& golden : read_goldens(file)) {
    compare.begin_case(golden.name);
    with_rank<1, 2, 3, 4>(golden.array("x").rank(), [&](auto rank) {
      using RowMajor = Eigen::Tensor<Scalar, rank, Eigen::RowMajor>;
      using ColMajor = Eigen::Tensor<Scalar, rank, Eigen::ColMajor>;
      compare_trailing_case<RowMajor, Layer>(compare, golden, options_of(golden));
      compare_trailing_case<ColMajor, Layer>(compare, golden, options_of(golden));
    });
  }
}

template <typename Scalar>
void compare_layer_norm() {
  Comparison<Scalar> compare("LayerNorm against PyTorch");
  compare_trailing<LayerNorm<Scalar>>(compare, "torch/layer_norm.txt", layer_norm_options);
}

// In float eps is not double's; where it is added to a mean square of 4, nobody can tell.
template <typename Scalar>
void compare_rms_norm() {
  Comparison<Scalar> compare("RMSNorm against its definition in PyTorch");
  compare_trailing<RMSNorm<Scalar>>(compare, "torch/rms_norm.txt", rms_norm_options);
}

}  // namespace eigen_norm::test
