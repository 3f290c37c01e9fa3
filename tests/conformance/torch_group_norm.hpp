// SPDX-License-Identifier: MIT
#pragma once

#include "conformance/torch.hpp"
#include "eigen_norm/group_norm.hpp"

namespace eigen_norm::test {

template <typename Tensor, typename Scalar>
void compare_group_norm_case(Comparison<Scalar>& compare, const GoldenCase& golden,
                             ChannelAxis channels) {
  GroupNormOptions options;
  options.eps = golden.number("eps");
  options.gamma = golden.flag("weight");
  options.beta = golden.flag("bias");
  options.channels = channels;
  const auto groups = static_cast<Index>(golden.number("groups"));
  GroupNorm<Scalar> layer(groups, golden.array("x").dims.at(1), options);
  set_parameters(layer, golden);
  const Dims order =
      channels == ChannelAxis::last ? channels_last<Tensor>() : channels_first<Tensor>();
  compare_step<Tensor>(compare, layer, golden, "", order);
  compare_infer<Tensor>(compare, layer, golden, "", order);
}

template <typename Scalar>
void compare_group_norm() {
  Comparison<Scalar> compare("GroupNorm against PyTorch");
  for (const GoldenCase& golden : read_goldens("torch/group_norm.txt")) {
    compare.begin_case(golden.name);
    for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
      SCOPED_TRACE(channels == ChannelAxis::first ? "channels first" : "channels last");
      with_rank<2, 3, 4>(golden.array("x").rank(), [&](auto rank) {
        using RowMajor = Eigen::Tensor<Scalar, rank, Eigen::RowMajor>;
        using ColMajor = Eigen::Tensor<Scalar, rank, Eigen::ColMajor>;
        compare_group_norm_case<RowMajor>(compare, golden, channels);
        compare_group_norm_case<ColMajor>(compare, golden, channels);
      });
    }
  }
}

}  // namespace eigen_norm::test
