// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "eigen_norm/io/onnx/node.hpp"
#include "eigen_norm/layer_norm.hpp"
#include "eigen_norm/rms_norm.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {
namespace internal {

/// What a node over the dimensions from `axis` on normalises. Where X leaves a dimension open, a
/// parameter that has more than 1 there tells; where both do, nobody can know whether the parameter
/// is to be spread, and the node is refused.
class OnnxNormalizedShape {
 public:
  OnnxNormalizedShape(const OnnxNode& node, std::initializer_list<const TensorView*> parameters)
      : node_(node), x_(node.dims_of_x()) {
    const std::int64_t axis = node.integer("axis", -1);
    if (axis >= 0 && !x_) node.refuse("a model that tells the rank of " + x_name(), unknown);
    const auto x_rank = static_cast<std::int64_t>(x_ ? x_->size() : memory::Shape::max_rank);
    if (axis < -x_rank || axis >= x_rank) {
      node.refuse("an axis of the " + std::to_string(x_rank) + " dimensions of " + x_name(),
                  std::to_string(axis));
    }
    rank_ = static_cast<int>(axis < 0 ? -axis : x_rank - axis);
    constexpr int most_dims = memory::Shape::max_rank;
    if (rank_ > most_dims) {
      node.refuse("at most " + std::to_string(most_dims) + " dimensions to normalise",
                  std::to_string(rank_));
    }

    OnnxDims dims;
    for (int k = 0; k < rank_; ++k) dims.push_back(dim(k, parameters));
    Index most = node.x_is_given() ? std::numeric_limits<Index>::max() : most_claimed_values;
    for (const TensorView* parameter : parameters) most = std::max(most, parameter->shape.size());
    const std::optional<memory::Shape> shape = onnx_shape(dims);
    if (!shape || shape->size() > most) {
      node.refuse("at most " + std::to_string(most) + " features", onnx_text(dims));
    }
    shape_ = *shape;
  }

  const memory::Shape& shape() const { return shape_; }

 private:
  static constexpr const char* unknown = "none; add it to the tensors given";
  std::string x_name() const { return '"' + node_.x() + '"'; }

  std::int64_t dim(int axis, std::initializer_list<const TensorView*> parameters) const {
    std::int64_t result = x_ ? (*x_)[x_->size() - static_cast<std::size_t>(rank_ - axis)] : -1;
    for (const TensorView* parameter : parameters) {
      const Index own = dim_under(parameter->shape, axis, rank_);
      if (result < 0 && own > 1) result = own;
    }
    if (result < 0) {
      node_.refuse(
          "a model that tells dimension " + std::to_string(axis - rank_) + " of " + x_name(),
          unknown);
    }
    if (result == 0) node_.refuse("dimensions of at least 1 to normalise", "0");
    return result;
  }

  const OnnxNode& node_;
  std::optional<OnnxDims> x_;
  int rank_ = 0;
  memory::Shape shape_;
};

/// The dimensions as LayerNorm and RMSNorm take them.
template <int Fixed>
std::vector<Index> onnx_features(const OnnxNode& node, const memory::Shape& shape) {
  if (Fixed != Eigen::Dynamic && shape != memory::Shape{Fixed}) {
    node.refuse("(" + std::to_string(Fixed) + ") to normalise, fixed at compile time",
                shape.text());
  }
  std::vector<Index> dims;
  dims.reserve(static_cast<std::size_t>(shape.rank()));
  for (int axis = 0; axis < shape.rank(); ++axis) dims.push_back(shape[axis]);
  return dims;
}

}  // namespace internal

/// Inputs X, Scale and perhaps B. stash_type, the precision of the statistics, is not asked: they
/// are taken in double here.
template <typename Scalar, int Features>
struct OnnxLayer<LayerNorm<Scalar, Features>> {
  using Layer = LayerNorm<Scalar, Features>;

  static Layer read(const OnnxNode& node) {
    node.expect("LayerNormalization", 17);
    LayerNormOptions options = LayerNormOptions::onnx();
    options.eps = node.epsilon();
    options.beta = node.has_input(2);

    const OnnxTensor scale = node.parameter(1);
    const OnnxTensor bias = options.beta ? node.parameter(2) : scale;
    const memory::Shape shape =
        internal::OnnxNormalizedShape(node, {&scale.view, &bias.view}).shape();
    Layer layer(internal::onnx_features<Features>(node, shape), options);
    node.fill(1, scale.view, shape, layer.gamma());
    if (options.beta) node.fill(2, bias.view, shape, layer.beta());
    return layer;
  }
};

/// Inputs X and scale.
template <typename Scalar, int Features>
struct OnnxLayer<RMSNorm<Scalar, Features>> {
  using Layer = RMSNorm<Scalar, Features>;

  static Layer read(const OnnxNode& node) {
    node.expect("RMSNormalization", 23);
    RMSNormOptions options = RMSNormOptions::onnx();
    options.eps = node.epsilon();

    const OnnxTensor scale = node.parameter(1);
    const memory::Shape shape = internal::OnnxNormalizedShape(node, {&scale.view}).shape();
    Layer layer(internal::onnx_features<Features>(node, shape), options);
    node.fill(1, scale.view, shape, layer.gamma());
    return layer;
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
