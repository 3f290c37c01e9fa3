// SPDX-License-Identifier: MIT
#include "support/logical.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

namespace eigen_norm::test {

namespace {

std::size_t offset(const Dims& dims, const Dims& indices) {
  if (indices.size() != dims.size()) throw std::out_of_range("Logical: wrong number of indices");
  Index result = 0;
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    if (indices[axis] < 0 || indices[axis] >= dims[axis]) {
      throw std::out_of_range("Logical: index outside its dimension");
    }
    result = result * dims[axis] + indices[axis];
  }
  return static_cast<std::size_t>(result);
}

}  // namespace

Index count(const Dims& dims) {
  Index result = 1;
  for (const Index dim : dims) result *= dim;
  return result;
}

Logical::Logical(Dims shape, Real value)
    : dims(std::move(shape)), values(static_cast<std::size_t>(count(dims)), value) {}

Logical::Logical(Dims shape, Values data) : dims(std::move(shape)), values(std::move(data)) {
  if (count(dims) != size()) throw std::invalid_argument("Logical: values do not fill the shape");
}

Real& Logical::at(const Dims& indices) { return values[offset(dims, indices)]; }

Real Logical::at(const Dims& indices) const { return values[offset(dims, indices)]; }

Logical permuted(const Logical& x, const Dims& order) {
  Dims dims(order.size());
  for (std::size_t axis = 0; axis < order.size(); ++axis) {
    dims[axis] = x.dims.at(static_cast<std::size_t>(order[axis]));
  }
  Logical result(dims);
  Dims source(order.size());
  std::size_t next = 0;
  for_each_index(dims, [&](const Dims& indices) {
    for (std::size_t axis = 0; axis < order.size(); ++axis) {
      source[static_cast<std::size_t>(order[axis])] = indices[axis];
    }
    result.values[next++] = x.at(source);
  });
  return result;
}

Logical samples_of(const Logical& batch, Index begin, Index end) {
  Dims dims = batch.dims;
  dims[0] = end - begin;
  const Index size = batch.size() / batch.dims[0];
  return {dims, Values(batch.values.begin() + begin * size, batch.values.begin() + end * size)};
}

Logical reshaped(const Logical& x, Dims dims) { return Logical(std::move(dims), x.values); }

Real worst_difference(const Values& got, const Values& want) {
  if (got.size() != want.size()) return std::numeric_limits<Real>::infinity();
  Real worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i]))) continue;
    const Real difference = std::abs(got[i] - want[i]) / std::max(Real(1), std::abs(want[i]));
    if (!std::isfinite(difference)) return std::numeric_limits<Real>::infinity();
    worst = std::max(worst, difference);
  }
  return worst;
}

void refuse_rank(Index rank) {
  throw std::invalid_argument("with_rank: rank " + std::to_string(rank));
}

Real worst_difference(const Logical& got, const Logical& want) {
  if (got.dims != want.dims) return std::numeric_limits<Real>::infinity();
  return worst_difference(got.values, want.values);
}

}  // namespace eigen_norm::test
