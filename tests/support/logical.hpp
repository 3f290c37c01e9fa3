// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <type_traits>
#include <unsupported/Eigen/CXX11/Tensor>
#include <utility>
#include <vector>

namespace eigen_norm::test {

using Eigen::Index;

// Expectations are kept in the widest type at hand: float and double convert to it exactly.
using Real = long double;
using Values = std::vector<Real>;
using Dims = std::vector<Index>;

// An array known by its logical indices alone. However an Eigen object lies in memory, its element
// (i, j, ...) is at({i, j, ...}) here, so one expectation serves every layout.
struct Logical {
  Dims dims;
  Values values;  // row-major: the last index moves fastest

  Logical() = default;
  explicit Logical(Dims shape, Real value = 0);
  Logical(Dims shape, Values data);

  Index rank() const { return static_cast<Index>(dims.size()); }
  Index size() const { return static_cast<Index>(values.size()); }
  Real& at(const Dims& indices);
  Real at(const Dims& indices) const;
};

// Number of elements of a shape.
Index count(const Dims& dims);

// Calls visit(indices) for every element, the last index fastest: the order of Logical::values.
template <typename Visit>
void for_each_index(const Dims& dims, Visit visit) {
  if (count(dims) == 0) return;
  Dims indices(dims.size(), 0);
  while (true) {
    visit(std::as_const(indices));
    std::size_t axis = dims.size();
    while (axis > 0 && ++indices[axis - 1] == dims[axis - 1]) indices[--axis] = 0;
    if (axis == 0) return;
  }
}

// result(indices[order[0]], indices[order[1]], ...) = x(indices): numpy's transpose.
Logical permuted(const Logical& x, const Dims& order);

// Samples [begin, end), along the first axis.
Logical samples_of(const Logical& batch, Index begin, Index end);

// The same values in row-major order under another shape.
Logical reshaped(const Logical& x, Dims dims);

// max |got - want| / max(1, |want|); infinity for another shape or where one alone is not finite.
Real worst_difference(const Values& got, const Values& want);
Real worst_difference(const Logical& got, const Logical& want);

[[noreturn]] void refuse_rank(Index rank);

// Calls run(integral_constant) with the one of Ranks that `rank` is: from a shape known at run time
// to a type of tensor. Any other rank throws std::invalid_argument.
template <int... Ranks, typename Run>
void with_rank(Index rank, Run run) {
  const bool found = ((rank == Ranks && (run(std::integral_constant<int, Ranks>()), true)) || ...);
  if (!found) refuse_rank(rank);
}

template <typename T>
using IsDense = std::is_base_of<Eigen::DenseBase<std::decay_t<T>>, std::decay_t<T>>;

namespace internal {

template <typename Object>
constexpr int rank_of() {
  if constexpr (IsDense<Object>::value) {
    return 2;
  } else {
    return static_cast<int>(Object::NumDimensions);
  }
}

template <typename Object>
decltype(auto) element(Object& object, const Dims& indices) {
  if constexpr (IsDense<Object>::value) {
    return object(indices[0], indices[1]);
  } else {
    Eigen::array<Index, static_cast<std::size_t>(rank_of<Object>())> position{};
    for (std::size_t axis = 0; axis < indices.size(); ++axis) position[axis] = indices[axis];
    return object(position);
  }
}

}  // namespace internal

template <typename Object>
Dims dims_of(const Object& object) {
  if constexpr (IsDense<Object>::value) {
    return {object.rows(), object.cols()};
  } else {
    const auto& dimensions = object.dimensions();
    return Dims(dimensions.begin(), dimensions.end());
  }
}

// The values of any Tensor, TensorMap, Matrix, Array, Map, Ref or Block by logical index.
template <typename Object>
Logical from_eigen(const Object& object) {
  Logical result(dims_of(object));
  std::size_t next = 0;
  for_each_index(result.dims, [&](const Dims& indices) {
    result.values[next++] = static_cast<Real>(internal::element(object, indices));
  });
  return result;
}

// Writes into an object that has the shape already: a view, or an owning object.
template <typename Object>
void copy_to(const Logical& from, Object&& to) {
  using Scalar = typename std::decay_t<Object>::Scalar;
  eigen_assert(dims_of(to) == from.dims);
  std::size_t next = 0;
  for_each_index(from.dims, [&](const Dims& indices) {
    internal::element(to, indices) = static_cast<Scalar>(from.values[next++]);
  });
}

// A new owning Tensor, Matrix or Array with the shape and the values of `from`.
template <typename Object>
Object to_eigen(const Logical& from) {
  eigen_assert(from.rank() == internal::rank_of<Object>());
  Object to;
  if constexpr (IsDense<Object>::value) {
    to.resize(from.dims[0], from.dims[1]);
  } else {
    Eigen::array<Index, static_cast<std::size_t>(internal::rank_of<Object>())> shape{};
    for (std::size_t axis = 0; axis < from.dims.size(); ++axis) shape[axis] = from.dims[axis];
    to.resize(shape);
  }
  copy_to(from, to);
  return to;
}

// Parameters, gradients and statistics: any one-dimensional Eigen array.
template <typename Derived>
Values from_parameters(const Eigen::DenseBase<Derived>& array) {
  Values result(static_cast<std::size_t>(array.size()));
  for (Index i = 0; i < array.size(); ++i) {
    result[static_cast<std::size_t>(i)] = static_cast<Real>(array.derived().coeff(i));
  }
  return result;
}

// Nothing is written into an absent (empty) parameter.
template <typename Derived>
void copy_to_parameters(const Values& from, Eigen::DenseBase<Derived>& array) {
  eigen_assert(array.size() == static_cast<Index>(from.size()));
  for (Index i = 0; i < array.size(); ++i) {
    array.derived().coeffRef(i) =
        static_cast<typename Derived::Scalar>(from[static_cast<std::size_t>(i)]);
  }
}

}  // namespace eigen_norm::test
