// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <type_traits>

#include "eigen_norm/io/element_type.hpp"
#include "eigen_norm/memory/eigen_object.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// A tensor where it lies: element (i, j, ...) is strides[0] * i + strides[1] * j + ... elements
/// behind `data`, which may be unaligned.
struct TensorView {
  ElementType type = ElementType::f32;
  memory::Shape shape;
  memory::Shape strides;
  const void* data = nullptr;
  bool swapped = false;  ///< the bytes of each element are in the order that this machine has not
};

/// One that may be written to: made by view_of, of something that is not const.
struct MutableTensorView : TensorView {
  void* target() const {
    return const_cast<void*>(data);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  }
};

/// The strides of elements without gaps, the last index running fastest or the first.
inline memory::Shape packed_strides(const memory::Shape& shape, bool row_major = true) {
  memory::Shape strides;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    strides.push_back(row_major ? shape.product(axis + 1, shape.rank()) : shape.product(0, axis));
  }
  return strides;
}

/// Whether the elements lie without gaps, the last index running fastest or the first: dimensions
/// of 1 aside.
inline bool has_packed_strides(const TensorView& view, bool row_major) {
  const memory::Shape packed = packed_strides(view.shape, row_major);
  for (int axis = 0; axis < view.shape.rank(); ++axis) {
    if (view.shape[axis] > 1 && view.strides[axis] != packed[axis]) return false;
  }
  return true;
}

/// Whether the elements lie as a file in row-major order has them.
inline bool is_packed(const TensorView& view) {
  return has_packed_strides(view, true) && !view.swapped;
}

inline std::size_t bytes_of(const TensorView& view) {
  return static_cast<std::size_t>(view.shape.size()) * size_of(view.type);
}

/// Whether the stretches of memory meet that two tensors lie in.
inline bool have_bytes_in_common(const TensorView& a, const TensorView& b) {
  const auto end_of = [](const TensorView& view) {
    Index last = 0;
    for (int axis = 0; axis < view.shape.rank(); ++axis) {
      last += (view.shape[axis] - 1) * view.strides[axis];
    }
    return static_cast<const char*>(view.data) +
           static_cast<std::size_t>(last + 1) * size_of(view.type);
  };
  if (a.shape.size() == 0 || b.shape.size() == 0) return false;
  const std::less<> before;
  return before(a.data, end_of(b)) && before(b.data, end_of(a));
}

/// The view of an Eigen object with memory of its own or elsewhere, or of a number, a tensor of
/// no dimensions. A vector has one dimension, be it a row or a column.
template <typename X>
auto view_of(X& x) {
  using Type = memory::Bare<X>;
  if constexpr (std::is_arithmetic_v<Type>) {
    std::conditional_t<std::is_const_v<X>, TensorView, MutableTensorView> view;
    view.type = element_type_of<Type>();
    view.data = &x;
    return view;
  } else {
    using Object = memory::EigenObject<Type>;
    static_assert(Object::has_memory,
                  "eigen_norm: a view of a tensor, matrix or array, or of a map, block or ref of "
                  "one; an expression has no memory");
    constexpr bool writable = Object::is_writable && !std::is_const_v<X>;
    std::conditional_t<writable, MutableTensorView, TensorView> view;
    view.type = element_type_of<typename Object::Scalar>();
    view.data = x.data();
    if constexpr (memory::is_tensor<Type>) {
      view.shape = Object::shape(x);
      view.strides = packed_strides(view.shape, Object::row_major);
    } else if constexpr (Type::IsVectorAtCompileTime) {
      view.shape = {x.size()};
      view.strides = {x.innerStride()};
    } else {
      view.shape = Object::shape(x);
      view.strides = {x.rowStride(), x.colStride()};
    }
    return view;
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
