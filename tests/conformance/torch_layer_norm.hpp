// SPDX-License-Identifier: MIT
#pragma once

#include "conformance/torch.hpp"
#include "eigen_norm/layer_norm.hpp"

namespace eigen_norm::test {

template <typename Tensor, typename Scalar>
void compare_layer_norm_case(Comparison<Scalar>& compare, const GoldenCase& golden) {
  LayerNormOptions options;
  options.eps = golden.number("eps");
  options.gamma = golden.flag("weight");
  options.beta = golden.flag("bias");
  const Dims& dims = golden.array("x").dims;
  const auto normalized_rank = static_cast<Index>(golden.number("normalized_rank"));
  LayerNorm<Scalar> layer(Dims(dims.end() - normalized_rank, dims.end()), options);
  set_parameters(layer, golden);
  compare_step<Tensor>(compare, layer, golden, "", channels_first<Tensor>());
  compare_infer<Tensor>(compare, layer, golden, "", channels_first<Tensor>());
}

template <typename Scalar>
void compare_layer_norm() {
  Comparison<Scalar> compare("LayerNorm against PyTorch");
  for (const GoldenCase& golden : read_goldens("torch/layer_norm.txt")) {
    compare.begin_case(golden.name);
    with_rank<1, 2, 3, 4>(golden.array("x").rank(), [&](auto rank) {
      using RowMajor = Eigen::Tensor<Scalar, rank, Eigen::RowMajor>;
      using ColMajor = Eigen::Tensor<Scalar, rank, Eigen::ColMajor>;
      compare_layer_norm_case<RowMajor>(compare, golden);
      compare_layer_norm_case<ColMajor>(compare, golden);
    });
  }
}

}  // namespace eigen_norm::test
