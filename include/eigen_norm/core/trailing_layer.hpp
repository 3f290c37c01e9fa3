// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <string>
#include <type_traits>
#include <vector>

#include "eigen_norm/core/checks.hpp"
#include "eigen_norm/core/conditioned.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// What the layers over the trailing dimensions share: LayerNorm and RMSNorm. gamma and beta have
/// one number for each element of `normalized_shape`, flat, in row-major order whatever x's storage
/// order.
///
/// A derived class says `class_name()`, and `Settings settings(options)`.
template <typename Derived, typename Scalar, int Features, typename Options>
class TrailingLayer : public Conditioned<Derived, Scalar, Features> {
  using Base = Conditioned<Derived, Scalar, Features>;
  friend Base;
  friend typename Base::LayerBase;
  friend typename Base::CallsBase;

 public:
  using typename Base::P;
  using typename Base::S;

  explicit TrailingLayer(Index features, const Options& options = {})
      : TrailingLayer(memory::Shape{features}, options) {}
  TrailingLayer(std::initializer_list<Index> normalized_shape, const Options& options = {})
      : TrailingLayer(shape_of(normalized_shape), options) {}
  explicit TrailingLayer(const std::vector<Index>& normalized_shape, const Options& options = {})
      : TrailingLayer(shape_of(normalized_shape), options) {}

  /// Where the number of features is fixed at compile time.
  template <int F = Features, std::enable_if_t<F != Eigen::Dynamic, int> = 0>
  TrailingLayer() : TrailingLayer(Index{F}) {}
  template <int F = Features, std::enable_if_t<F != Eigen::Dynamic, int> = 0>
  explicit TrailingLayer(const Options& options) : TrailingLayer(Index{F}, options) {}

  const Options& options() const { return options_; }
  std::vector<Index> normalized_shape() const {
    std::vector<Index> dimensions;
    dimensions.reserve(static_cast<std::size_t>(shape_.rank()));
    for (int axis = 0; axis < shape_.rank(); ++axis) dimensions.push_back(shape_[axis]);
    return dimensions;
  }
  /// As error messages have it: "LayerNorm({56, 56})".
  std::string name() const {
    const std::string list = shape_.list();
    return Derived::class_name() + (shape_.rank() == 1 ? "(" + list + ")" : "({" + list + "})");
  }

  /// What is done to each element of a normalised row, y = xhat * scale + shift: gamma and beta, 1
  /// and 0 where there are none, and 1 + gamma of a zero-centred one. Computed in Stat, or in T
  /// where that is wider, and rounded once, to T.
  template <typename T = P>
  ChannelAffine<T, Features> feature_affine() const {
    using Wide = std::common_type_t<S, Stat<T>>;
    this->check_parameters();
    const auto affine = this->affine().view();
    ChannelAffine<T, Features> result;
    result.scale.setConstant(shape_.size(), T(1));
    result.shift.setConstant(shape_.size(), T(0));
    for (Index i = 0; i < this->gamma().size(); ++i) {
      result.scale[i] =
          kernels::rounded<T>(Wide(Wide(affine.gamma[i]) + Wide(affine.gamma_offset)));
    }
    for (Index i = 0; i < this->beta().size(); ++i) {
      result.shift[i] = kernels::rounded<T>(affine.beta[i]);
    }
    return result;
  }

 protected:
  /// The options as every such layer understands them.
  struct Settings {
    double eps;
    bool gamma, beta;
    bool zero_centered_gamma;
  };

 private:
  static constexpr const char* parameter_place = "feature";

  TrailingLayer(const memory::Shape& shape, const Options& options)
      : TrailingLayer(shape, options, Derived::settings(options)) {}
  TrailingLayer(const memory::Shape& shape, const Options& options, const Settings& settings)
      : Base(checked(shape, settings.eps), settings.eps, settings.gamma, settings.beta,
             P(settings.zero_centered_gamma ? 1 : 0)),
        shape_(shape),
        options_(options) {}

  template <typename Dimensions>
  static memory::Shape shape_of(const Dimensions& dimensions) {
    memory::Shape shape;
    for (const Index dimension : dimensions) shape.push_back(dimension);
    return shape;
  }

  static Index checked(const memory::Shape& shape, double eps) {
    const std::string name = Derived::class_name();
    if (shape.rank() == 0) {
      memory::raise_invalid(name + ": expected normalized_shape of at least 1 dimension, got ()");
    }
    for (int axis = 0; axis < shape.rank(); ++axis) {
      check_size<Eigen::Dynamic>(name, "every dimension of normalized_shape", shape[axis]);
    }
    if (!shape.is_countable()) {
      memory::raise_invalid(name + ": expected normalized_shape of a size within Index, got " +
                            shape.text());
    }
    if (Features != Eigen::Dynamic && shape.rank() != 1) {
      memory::raise_invalid(name + ": expected 1 dimension of " + std::to_string(Features) +
                            ", fixed at compile time, got " + shape.text());
    }
    check_size<Features>(name, "normalized_shape", shape.size());
    check_eps(name, eps);
    return shape.size();
  }

  template <int Rank>
  static void check_rank() {
    static_assert(Rank >= 1, "eigen_norm: LayerNorm and RMSNorm take a tensor of rank 1 or more");
  }

  void check_input(const memory::Shape& shape, Purpose) const {
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
  static constexpr bool mask_is_of_elements = true;
  Index samples(const memory::Shape& shape) const {
    return shape.rank() > shape_.rank() ? shape[0] : 1;
  }
  bool wants_packed() const { return shape_.rank() > 1; }

  memory::Shape shape_;
  Options options_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
