// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <unsupported/Eigen/CXX11/Tensor>
#include <utility>

#include "eigen_norm/memory/layout.hpp"

/// What the library needs to know of an Eigen type: rank, storage order, whether its elements lie
/// in memory as they are, and the owning types of the same kind. One `EigenObject<X>` for the dense
/// family (Matrix, Array, Map, Ref, Block and expressions), one for tensors and their expressions.

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

template <typename X>
using Bare = std::remove_cv_t<std::remove_reference_t<X>>;

template <typename D, int Access>
std::true_type is_tensor_test(const Eigen::TensorBase<D, Access>*);
std::false_type is_tensor_test(const void*);

template <typename X>
inline constexpr bool is_tensor = decltype(is_tensor_test(std::declval<Bare<X>*>()))::value;

template <typename D>
std::true_type is_dense_test(const Eigen::DenseBase<D>*);
std::false_type is_dense_test(const void*);

template <typename X>
inline constexpr bool is_dense = decltype(is_dense_test(std::declval<Bare<X>*>()))::value;

template <typename D>
std::true_type is_owner_test(const Eigen::PlainObjectBase<D>*);
std::false_type is_owner_test(const void*);

/// Expressions with direct access to memory have data(); Eigen's flag alone is true of some that
/// have not.
template <typename X, typename = void>
inline constexpr bool has_data = false;
template <typename X>
inline constexpr bool has_data<X, std::void_t<decltype(std::declval<const X&>().data())>> = true;

enum class Storage { none, map, owner };

/// Where a tensor's elements are: nowhere (an expression), elsewhere or fixed (a map), its own.
template <typename X>
inline constexpr Storage tensor_storage = Storage::none;
template <typename S, int Rank, int Options, typename I>
inline constexpr Storage tensor_storage<Eigen::Tensor<S, Rank, Options, I>> = Storage::owner;
template <typename S, typename Sizes, int Options, typename I>
inline constexpr Storage tensor_storage<Eigen::TensorFixedSize<S, Sizes, Options, I>> =
    Storage::map;
template <typename Plain, int Options, template <class> class Pointer>
inline constexpr Storage tensor_storage<Eigen::TensorMap<Plain, Options, Pointer>> = Storage::map;

template <typename X>
inline constexpr bool is_map_of_const = false;
template <typename Plain, int Options, template <class> class Pointer>
inline constexpr bool is_map_of_const<Eigen::TensorMap<const Plain, Options, Pointer>> = true;

/// Whether a copy with these limits lives on the stack: where it is small, and in the one order
/// that Eigen allows a vector.
template <typename Scalar, bool RowMajor, int MaxRows, int MaxCols>
constexpr bool is_kept_on_stack() {
  if (MaxRows == Eigen::Dynamic || MaxCols == Eigen::Dynamic) return false;
  const bool vector_of_other_order =
      RowMajor ? MaxCols == 1 && MaxRows != 1 : MaxRows == 1 && MaxCols != 1;
  return !vector_of_other_order &&
         Index{sizeof(Scalar)} * MaxRows * MaxCols <= EIGEN_STACK_ALLOCATION_LIMIT;
}

/// A matrix that holds a copy of a dense object of such sizes.
template <typename Scalar, bool RowMajor, int MaxRows, int MaxCols, int Rows, int Cols,
          bool OnStack = is_kept_on_stack<Scalar, RowMajor, MaxRows, MaxCols>()>
struct DenseCopyOf {
  using type = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic,
                             RowMajor ? Eigen::RowMajor : Eigen::ColMajor>;
};
template <typename Scalar, bool RowMajor, int MaxRows, int MaxCols, int Rows, int Cols>
struct DenseCopyOf<Scalar, RowMajor, MaxRows, MaxCols, Rows, Cols, true> {
  using type = Eigen::Matrix<Scalar, Rows, Cols, RowMajor ? Eigen::RowMajor : Eigen::ColMajor,
                             MaxRows, MaxCols>;
};
template <typename Scalar, bool RowMajor, int MaxRows, int MaxCols, int Rows, int Cols>
using DenseCopy = typename DenseCopyOf<Scalar, RowMajor, MaxRows, MaxCols, Rows, Cols>::type;

template <typename X, bool Tensor = is_tensor<X>>
struct EigenObject {
  static_assert(is_dense<X>,
                "eigen_norm: pass an Eigen tensor, matrix or array, or a map, block or ref of one");

  using Type = Bare<X>;
  using Scalar = std::remove_const_t<typename Type::Scalar>;
  using Plain = typename Type::PlainObject;
  template <bool RowMajor>
  using Copy = DenseCopy<Scalar, RowMajor, Type::MaxRowsAtCompileTime, Type::MaxColsAtCompileTime,
                         Type::RowsAtCompileTime, Type::ColsAtCompileTime>;

  static constexpr int rank = 2;
  static constexpr bool row_major = Type::IsRowMajor;
  static constexpr bool has_memory = (Type::Flags & Eigen::DirectAccessBit) != 0 && has_data<Type>;
  static constexpr bool is_writable = has_memory && (Type::Flags & Eigen::LvalueBit) != 0;
  static constexpr bool is_owner = decltype(is_owner_test(std::declval<Type*>()))::value;

  static Shape shape(const Type& x) { return {x.rows(), x.cols()}; }
  static Layout layout(const Type& x) { return {shape(x), row_major, x.outerStride()}; }

  /// True where neighbours along the fast axis are neighbours in memory.
  static bool is_adjacent(const Type& x) { return x.innerStride() == 1 || x.innerSize() <= 1; }

  /// Whether `resize` can give it this shape.
  static bool can_become(const Shape& shape) {
    return is_owner && fits(Type::RowsAtCompileTime, Type::MaxRowsAtCompileTime, shape[0]) &&
           fits(Type::ColsAtCompileTime, Type::MaxColsAtCompileTime, shape[1]);
  }
  static void resize(Type& x, const Shape& shape) { x.resize(shape[0], shape[1]); }

  template <bool RowMajor>
  static Copy<RowMajor> copy(const Type& x) {
    return Copy<RowMajor>(x);
  }

 private:
  static constexpr bool fits(int fixed, int most, Index n) {
    return (fixed == Eigen::Dynamic || fixed == n) && (most == Eigen::Dynamic || n <= most);
  }
};

template <typename X>
struct EigenObject<X, true> {
  using Type = Bare<X>;
  using Scalar = std::remove_const_t<typename Type::Scalar>;

  static constexpr int rank = Type::NumDimensions;
  static constexpr bool row_major =
      static_cast<int>(Eigen::TensorEvaluator<const Type, Eigen::DefaultDevice>::Layout) ==
      static_cast<int>(Eigen::RowMajor);
  static constexpr bool has_memory = tensor_storage<Type> != Storage::none;
  static constexpr bool is_writable =
      has_memory && !is_map_of_const<Type> && !std::is_const_v<typename Type::Scalar>;
  static constexpr bool is_owner = tensor_storage<Type> == Storage::owner;

  template <bool RowMajor>
  using Copy = Eigen::Tensor<Scalar, rank, RowMajor ? Eigen::RowMajor : Eigen::ColMajor>;
  using Plain = Copy<row_major>;

  static Shape shape(const Type& x) {
    const Eigen::DSizes<Index, rank> sizes(x.dimensions());
    Shape result;
    for (const Index size : sizes) result.push_back(size);
    return result;
  }
  static Layout layout(const Type& x) { return Layout::packed(shape(x), row_major); }
  static bool is_adjacent(const Type&) { return true; }

  /// Its index type may be narrower than Index.
  static bool can_become(const Shape& shape) {
    constexpr auto most = static_cast<Index>(std::min<std::intmax_t>(
        std::numeric_limits<typename Type::Index>::max(), std::numeric_limits<Index>::max()));
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] > most) return false;
    }
    return is_owner && shape.is_countable() && shape.size() <= most;
  }
  static void resize(Type& x, const Shape& shape) {
    Eigen::array<typename Type::Index, static_cast<std::size_t>(rank)> sizes;
    for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
      sizes[axis] = static_cast<typename Type::Index>(shape[static_cast<int>(axis)]);
    }
    if constexpr (is_owner) x.resize(sizes);
  }

  template <bool RowMajor>
  static Copy<RowMajor> copy(const Type& x) {
    if constexpr (RowMajor == row_major) {
      return Copy<RowMajor>(x);
    } else {
      Eigen::array<int, static_cast<std::size_t>(rank)> reversed;
      for (int axis = 0; axis < rank; ++axis) {
        reversed[static_cast<std::size_t>(axis)] = rank - 1 - axis;
      }
      return Copy<RowMajor>(x.swap_layout().shuffle(reversed));
    }
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory
