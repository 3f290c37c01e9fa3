// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <limits>
#include <vector>

#include "eigen_norm/core/checks.hpp"
#include "eigen_norm/core/layer.hpp"
#include "eigen_norm/core/options.hpp"

namespace eigen_norm {

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
class LayerNorm : public Layer<LayerNorm<Scalar, Features>, Scalar, Features, Eigen::Dynamic> {
  using Base = Layer<LayerNorm, Scalar, Features, Eigen::Dynamic>;
  friend Base;

 public:
  explicit LayerNorm(Index features, const LayerNormOptions& options = {})
      : LayerNorm(memory::Shape{features}, options) {}
  LayerNorm(std::initializer_list<Index> normalized_shape, const LayerNormOptions& options = {})
      : LayerNorm(shape_of(normalized_shape), options) {}
  explicit LayerNorm(const std::vector<Index>& normalized_shape,
                     const LayerNormOptions& options = {})
      : LayerNorm(shape_of(normalized_shape), options) {}

  /// Where the number of features is fixed at compile time.
  template <int F = Features, std::enable_if_t<F != Eigen::Dynamic, int> = 0>
  LayerNorm() : LayerNorm(Index{F}) {}
  template <int F = Features, std::enable_if_t<F != Eigen::Dynamic, int> = 0>
  explicit LayerNorm(const LayerNormOptions& options) : LayerNorm(Index{F}, options) {}

  const LayerNormOptions& options() const { return options_; }
  std::vector<Index> normalized_shape() const {
    std::vector<Index> dimensions;
    for (int axis = 0; axis < shape_.rank(); ++axis) dimensions.push_back(shape_[axis]);
    return dimensions;
  }

 private:
  LayerNorm(const memory::Shape& shape, const LayerNormOptions& options)
      : Base(checked(shape, options), options.eps, options.gamma, options.beta),
        shape_(shape),
        options_(options) {}

  template <typename Dimensions>
  static memory::Shape shape_of(const Dimensions& dimensions) {
    memory::Shape shape;
    for (const Index dimension : dimensions) shape.push_back(dimension);
    return shape;
  }

  static Index checked(const memory::Shape& shape, const LayerNormOptions& options) {
    if (shape.rank() == 0) {
      memory::raise_invalid("LayerNorm: expected normalized_shape of at least 1 dimension, got ()");
    }
    Index most = std::numeric_limits<Index>::max();
    for (int axis = 0; axis < shape.rank(); ++axis) {
      check_size<Eigen::Dynamic>("LayerNorm", "every dimension of normalized_shape", shape[axis]);
      if (shape[axis] > most) {
        memory::raise_invalid("LayerNorm: expected a size within Index, got " + shape.text());
      }
      most /= shape[axis];
    }
    if (Features != Eigen::Dynamic && shape.rank() != 1) {
      memory::raise_invalid("LayerNorm: expected 1 dimension of " + std::to_string(Features) +
                            ", fixed at compile time, got " + shape.text());
    }
    check_size<Features>("LayerNorm", "normalized_shape", shape.size());
    check_eps("LayerNorm", options.eps);
    return shape.size();
  }

  std::string name() const {
    return shape_.rank() == 1 ? "LayerNorm(" + shape_.list() + ")"
                              : "LayerNorm({" + shape_.list() + "})";
  }

  template <int Rank>
  static void check_rank() {
    static_assert(Rank >= 1, "eigen_norm: LayerNorm takes a tensor of rank 1 or more");
  }

  void check_input(const memory::Shape& shape, bool) const {
    const int leading = shape.rank() - shape_.rank();
    bool matches = leading >= 0;
    for (int axis = 0; matches && axis < shape_.rank(); ++axis) {
      matches = shape[leading + axis] == shape_[axis];
    }
    if (!matches) {
      this->raise_shape("input", "(..., " + shape_.list() + ")", shape,
                        transpose_hint(shape, shape_.size()));
    }
  }

  memory::CollapsedShape collapse(const memory::Layout& layout, bool) const {
    return memory::CollapsedShape::over_trailing(layout, shape_.rank());
  }
  bool wants_packed() const { return shape_.rank() > 1; }

  memory::Shape shape_;
  LayerNormOptions options_;
};

}  // namespace eigen_norm
