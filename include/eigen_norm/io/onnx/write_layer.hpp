// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/batch_norm.hpp"
#include "eigen_norm/group_norm.hpp"
#include "eigen_norm/instance_norm.hpp"
#include "eigen_norm/io/onnx/writer.hpp"
#include "eigen_norm/layer_norm.hpp"
#include "eigen_norm/rms_norm.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {
namespace internal {

/// gamma or beta; where the layer has none, what does the same.
template <typename P, int Size>
Parameters<P> parameter_or(const Parameters<P, Size>& values, bool has_values, Index size,
                           double otherwise) {
  if (has_values) return values;
  return Parameters<P>::Constant(size, P(static_cast<float>(otherwise)));
}

/// X as (N, channels, ...).
template <typename Options>
OnnxDims dims_of_x(const OnnxWriter& to, const Options& options, Index channels, int rank) {
  if (options.channels != ChannelAxis::first) {
    to.refuse("a layer with channels first, as ONNX has them", "one with channels last");
  }
  OnnxDims dims(static_cast<std::size_t>(rank), -1);
  dims[1] = channels;
  return dims;
}

/// As the weight of the old statistics.
inline void write_momentum(double of_new, OnnxWriter& to) {
  if (!(of_new >= 0 && of_new <= 1)) to.refuse("a momentum from 0 to 1", number_text(of_new));
  if (of_new > 0 && static_cast<float>(1 - of_new) == 1) {
    to.refuse("a momentum that 1 - momentum in float tells from 0", number_text(of_new));
  }
  to.number("momentum", 1 - of_new);
}

/// Inference by running statistics. Parameters and statistics keep their own type, which is float
/// for a layer of 16-bit data: the operator has types of their own for them.
template <typename Layer>
void write_tracking(const Layer& layer, int rank, OnnxWriter& to) {
  const auto& options = layer.options();
  const Index channels = layer.num_features();
  const memory::Shape shape{channels};
  constexpr ElementType type = element_type_of<Param<typename Layer::Scalar>>();
  to.begin("BatchNormalization", 15, element_type_of<typename Layer::Scalar>(),
           dims_of_x(to, options, channels, rank));
  to.number("epsilon", options.eps);
  if (options.momentum) write_momentum(*options.momentum, to);
  to.parameter("scale", parameter_or(layer.gamma(), options.gamma, channels, 1), shape, type);
  to.parameter("B", parameter_or(layer.beta(), options.beta, channels, 0), shape, type);
  to.parameter("input_mean", layer.running_mean(), shape, type);
  to.parameter("input_var", layer.running_var(), shape, type);
}

/// X as (..., normalized_shape), and the attributes; the shape of the parameters is returned.
template <typename Layer>
memory::Shape begin_trailing(const char* op_type, std::int64_t opset, double eps,
                             const Layer& layer, OnnxWriter& to) {
  memory::Shape shape;
  for (const Index size : layer.normalized_shape()) shape.push_back(size);
  OnnxDims dims(
      static_cast<std::size_t>(to.rank(shape.rank(), memory::Shape::max_rank,
                                       std::min(shape.rank() + 1, memory::Shape::max_rank))),
      -1);
  std::copy_n(layer.normalized_shape().begin(), shape.rank(), dims.end() - shape.rank());
  constexpr ElementType type = element_type_of<typename Layer::Scalar>();
  to.begin(op_type, opset, type, dims);
  to.integer("axis", -shape.rank());
  to.number("epsilon", eps);
  to.stash_type(type);
  return shape;
}

}  // namespace internal

template <typename Scalar, int Channels, int SpatialRank>
void write_layer(const BatchNorm<Scalar, Channels, SpatialRank>& layer, OnnxWriter& to) {
  if (!layer.options().track_running_stats) {
    to.refuse("a BatchNorm with running statistics, for inference", "one that tracks none");
  }
  const int rank =
      to.rank(SpatialRank == 1 ? 2 : SpatialRank + 2, SpatialRank + 2, SpatialRank + 2);
  internal::write_tracking(layer, rank, to);
}

/// With running statistics its inference is that of a BatchNorm.
template <typename Scalar, int Channels, int SpatialRank>
void write_layer(const InstanceNorm<Scalar, Channels, SpatialRank>& layer, OnnxWriter& to) {
  const int rank = to.rank(SpatialRank + 2, SpatialRank + 2, SpatialRank + 2);
  if (layer.options().track_running_stats) return internal::write_tracking(layer, rank, to);
  const auto& options = layer.options();
  const Index channels = layer.num_features();
  constexpr ElementType type = element_type_of<Scalar>();
  // Any opset has the operator, but for bfloat16.
  to.begin("InstanceNormalization", type == ElementType::bf16 ? 22 : 15, type,
           internal::dims_of_x(to, options, channels, rank));
  to.number("epsilon", options.eps);
  to.parameter("scale", internal::parameter_or(layer.gamma(), options.gamma, channels, 1),
               {channels}, type);
  to.parameter("B", internal::parameter_or(layer.beta(), options.beta, channels, 0), {channels},
               type);
}

template <typename Scalar, int Channels>
void write_layer(const GroupNorm<Scalar, Channels>& layer, OnnxWriter& to) {
  const auto& options = layer.options();
  const Index channels = layer.num_channels();
  constexpr ElementType type = element_type_of<Scalar>();
  to.begin("GroupNormalization", 21, type,
           internal::dims_of_x(to, options, channels, to.rank(2, memory::Shape::max_rank, 4)));
  to.number("epsilon", options.eps);
  to.integer("num_groups", layer.num_groups());
  to.stash_type(type);
  to.parameter("scale", internal::parameter_or(layer.gamma(), options.gamma, channels, 1),
               {channels}, type);
  to.parameter("bias", internal::parameter_or(layer.beta(), options.beta, channels, 0), {channels},
               type);
}

template <typename Scalar, int Features>
void write_layer(const LayerNorm<Scalar, Features>& layer, OnnxWriter& to) {
  const auto& options = layer.options();
  const memory::Shape shape =
      internal::begin_trailing("LayerNormalization", 17, options.eps, layer, to);
  constexpr ElementType type = element_type_of<Scalar>();
  to.parameter("Scale", internal::parameter_or(layer.gamma(), options.gamma, shape.size(), 1),
               shape, type);
  if (options.beta) to.parameter("B", layer.beta(), shape, type);
}

/// gamma is written as it scales.
template <typename Scalar, int Features>
void write_layer(const RMSNorm<Scalar, Features>& layer, OnnxWriter& to) {
  const auto machine = static_cast<double>(Eigen::NumTraits<Param<Scalar>>::epsilon());
  const double eps = layer.options().eps.value_or(machine);
  const memory::Shape shape = internal::begin_trailing("RMSNormalization", 23, eps, layer, to);
  const auto affine = layer.template feature_affine<Stat<Scalar>>();
  to.parameter("scale", affine.scale, shape, element_type_of<Scalar>());
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
