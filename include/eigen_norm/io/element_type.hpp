// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "eigen_norm/memory/abi.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// The types of number that a state holds, in memory and in files.
enum class ElementType { f64, f32, f16, bf16, i64, i32 };

/// As error messages name them, and safetensors.
inline const char* name_of(ElementType type) {
  static const char* const names[] = {"F64", "F32", "F16", "BF16", "I64", "I32"};
  return names[static_cast<std::size_t>(type)];
}

/// Of one element, in bytes.
inline std::size_t size_of(ElementType type) {
  static const std::size_t sizes[] = {8, 4, 2, 2, 8, 4};
  return sizes[static_cast<std::size_t>(type)];
}

inline bool is_integer(ElementType type) {
  return type == ElementType::i64 || type == ElementType::i32;
}

/// visit(T()) with the C++ type of the element.
template <typename Visit>
decltype(auto) visit_type(ElementType type, Visit&& visit) {
  switch (type) {
    case ElementType::f64:
      return visit(double());
    case ElementType::f32:
      return visit(float());
    case ElementType::f16:
      return visit(Eigen::half());
    case ElementType::bf16:
      return visit(Eigen::bfloat16());
    case ElementType::i64:
      return visit(std::int64_t());
    default:
      return visit(std::int32_t());
  }
}

template <typename T>
inline constexpr bool is_element = std::is_same_v<T, double> || std::is_same_v<T, float> ||
                                   std::is_same_v<T, Eigen::half> ||
                                   std::is_same_v<T, Eigen::bfloat16> ||
                                   (std::is_integral_v<T> && std::is_signed_v<T> &&
                                    (sizeof(T) == 8 || sizeof(T) == 4));

template <typename T>
constexpr ElementType element_type_of() {
  static_assert(is_element<T>,
                "eigen_norm: a state holds double, float, half, bfloat16, and signed integers of "
                "32 or 64 bits");
  if (std::is_same_v<T, double>) return ElementType::f64;
  if (std::is_same_v<T, float>) return ElementType::f32;
  if (std::is_same_v<T, Eigen::half>) return ElementType::f16;
  if (std::is_same_v<T, Eigen::bfloat16>) return ElementType::bf16;
  return sizeof(T) == 8 ? ElementType::i64 : ElementType::i32;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
