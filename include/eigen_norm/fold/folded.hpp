// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include "eigen_norm/core/tracking_layer.hpp"
#include "eigen_norm/core/trailing_layer.hpp"
#include "eigen_norm/memory/eigen_object.hpp"

/// What all folds share: the weight and the bias of a neighbouring layer as they come and as they
/// go.

namespace eigen_norm::fold {
inline namespace EIGEN_NORM_ABI {

template <typename X>
using Plain = typename memory::EigenObject<X>::Plain;
template <typename X>
using ScalarOf = typename memory::EigenObject<X>::Scalar;

template <typename Scalar>
inline constexpr bool is_real =
    !Eigen::NumTraits<Scalar>::IsInteger && !Eigen::NumTraits<Scalar>::IsComplex;

/// The weight and the bias that a layer has once a normalization is folded into it.
template <typename Weight, typename Bias>
struct Folded {
  static_assert(is_real<ScalarOf<Weight>> && is_real<ScalarOf<Bias>>,
                "eigen_norm: a weight or bias to fold into must be real and not of integers");
  Weight weight;
  Bias bias;
};

template <typename X>
inline constexpr bool is_eigen = memory::is_dense<X> || memory::is_tensor<X>;

namespace internal {

template <typename Derived, typename Scalar, int Channels, typename Options>
std::true_type is_tracking_test(const TrackingLayer<Derived, Scalar, Channels, Options>*);
std::false_type is_tracking_test(const void*);

template <typename Derived, typename Scalar, int Features, typename Options>
std::true_type is_trailing_test(const TrailingLayer<Derived, Scalar, Features, Options>*);
std::false_type is_trailing_test(const void*);

}  // namespace internal

/// BatchNorm and InstanceNorm.
template <typename Norm>
inline constexpr bool is_tracking =
    decltype(internal::is_tracking_test(std::declval<Norm*>()))::value;

/// LayerNorm and RMSNorm.
template <typename Norm>
inline constexpr bool is_trailing =
    decltype(internal::is_trailing_test(std::declval<Norm*>()))::value;

/// What is computed in: the widest of the layer's Stat and those of weight and bias.
template <typename Norm, typename Weight, typename Bias>
using Wide =
    std::common_type_t<Stat<typename Norm::Scalar>, Stat<ScalarOf<Weight>>, Stat<ScalarOf<Bias>>>;

/// The same axis counted from the front; `what` is "output" or "input".
inline int checked_axis(const std::string& layer, const char* what, Index axis, int rank) {
  if (axis < -rank || axis >= rank) {
    memory::raise_invalid(layer + ": expected an " + what + " axis from " + std::to_string(-rank) +
                          " to " + std::to_string(rank - 1) + ", got " + std::to_string(axis));
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

[[noreturn]] inline void raise_weight(const std::string& layer, const std::string& expected,
                                      int axis, const memory::Shape& shape) {
  memory::raise_invalid(layer + ": expected a weight with " + expected + " on axis " +
                        std::to_string(axis) + ", got " + shape.text());
}

/// A bias may lie along any of its axes.
inline void check_bias(const std::string& layer, Index outputs, const memory::Shape& shape) {
  if (shape.without_ones() != memory::Shape{outputs}.without_ones()) {
    memory::raise_invalid(layer + ": expected a bias of " + std::to_string(outputs) +
                          " values, got " + shape.text());
  }
}

/// visit(element, its index along the axis, its index along all others) in the order of memory; for
/// a matrix the last is the index along the other axis.
template <typename Weight, typename Visit>
void for_each_along(Weight& weight, int axis, const Visit& visit) {
  using Object = memory::EigenObject<Weight>;
  const memory::Shape shape = Object::shape(weight);
  const Index before = shape.product(0, axis), after = shape.product(axis + 1, shape.rank());
  const Index outer = Object::row_major ? before : after,
              inner = Object::row_major ? after : before;
  auto* element = weight.data();
  for (Index o = 0; o < outer; ++o) {
    for (Index along = 0; along < shape[axis]; ++along) {
      for (Index i = 0; i < inner; ++i) visit(*element++, along, o * inner + i);
    }
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::fold
