// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <limits>
#include <vector>

#include "fuzz/input.hpp"
#include "support/places.hpp"

namespace eigen_norm::test::fuzz {

// Where an array begins behind the start of its memory, and how far apart its lines are beyond
// their length (of a matrix alone: tensors are packed).
struct Position {
  Index offset = 0, gap = 0;

  static Position of(Input& in) { return {in.between(0, 7), in.pick<Index>({0, 0, 1, 3, 8})}; }
};

// A map of memory that ends where the array does; what else there is, is NaN.
template <typename Scalar_, int Rank, int Order>
class Place {
 public:
  using Scalar = Scalar_;

  Place(const Logical& values, const Position& position)
      : dims_(values.dims), offset_(position.offset), stride_(line_length()) {
    if (Rank == 2) stride_ += position.gap;
    Index end = offset_;
    const Dims strides = this->strides();
    for_each_index(dims_, [&](const Dims& at) {
      Index place = offset_;
      for (std::size_t axis = 0; axis < at.size(); ++axis) place += at[axis] * strides[axis];
      places_.push_back(place);
      end = std::max(end, place + 1);
    });
    memory_.assign(static_cast<std::size_t>(end), nan);
    for (std::size_t i = 0; i < places_.size(); ++i) {
      at(i) = static_cast<Scalar>(values.values[i]);
    }
  }

  auto view() {
    if constexpr (Rank == 2) {
      using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Order>;
      return Eigen::Map<Matrix, Eigen::Unaligned, Eigen::OuterStride<>>(
          data(), dims_[0], dims_[1], Eigen::OuterStride<>(stride_));
    } else {
      Eigen::array<Index, static_cast<std::size_t>(Rank)> sizes{};
      for (std::size_t axis = 0; axis < sizes.size(); ++axis) sizes[axis] = dims_[axis];
      return Eigen::TensorMap<Eigen::Tensor<Scalar, Rank, Order>>(data(), sizes);
    }
  }

  Logical values() {
    Logical result(dims_);
    for (std::size_t i = 0; i < places_.size(); ++i) {
      result.values[i] = static_cast<Real>(at(i));
    }
    return result;
  }

  // The memory around the array is as it was. The array is not, then.
  bool is_alone() {
    for (std::size_t i = 0; i < places_.size(); ++i) at(i) = nan;
    return std::all_of(memory_.begin(), memory_.end(),
                       [](const Scalar& value) { return value != value; });
  }

 private:
  static inline const Scalar nan = std::numeric_limits<Scalar>::quiet_NaN();

  Scalar* data() { return memory_.data() + offset_; }
  Scalar& at(std::size_t i) { return memory_[static_cast<std::size_t>(places_[i])]; }
  Index line_length() const { return Order == Eigen::RowMajor ? dims_.back() : dims_.front(); }

  Dims strides() const {
    Dims strides(dims_.size(), 1);
    const std::size_t last = dims_.size() - 1;
    for (std::size_t k = 1; k <= last; ++k) {
      const auto axis = [&](std::size_t i) { return Order == Eigen::RowMajor ? last - i : i; };
      strides[axis(k)] = k == 1 ? stride_ : strides[axis(k - 1)] * dims_[axis(k - 1)];
    }
    return strides;
  }

  Dims dims_;
  Index offset_, stride_;
  std::vector<Index> places_;  // of the elements, in the order of Logical::values
  std::vector<Scalar> memory_;
};

}  // namespace eigen_norm::test::fuzz
