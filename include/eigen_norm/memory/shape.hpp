// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <initializer_list>
#include <limits>
#include <string>

#include "eigen_norm/memory/error.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

using Index = Eigen::Index;

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

/// The dimensions of a tensor, kept inline: (32, 64, 28, 28).
class Shape {
 public:
  static constexpr int max_rank = 8;

  Shape() = default;
  Shape(std::initializer_list<Index> dimensions) {
    for (const Index dimension : dimensions) push_back(dimension);
  }

  void push_back(Index dimension) {
    if (rank_ == max_rank) raise_invalid("eigen_norm: a shape has at most 8 dimensions");
    dimensions_[static_cast<std::size_t>(rank_++)] = dimension;
  }

  int rank() const { return rank_; }
  Index operator[](int axis) const { return dimensions_[static_cast<std::size_t>(axis)]; }

  /// Product of the dimensions `first <= axis < last`; 1 where there are none.
  Index product(int first, int last) const {
    Index result = 1;
    for (int axis = first; axis < last; ++axis) result *= (*this)[axis];
    return result;
  }
  Index size() const { return product(0, rank_); }

  /// Whether an Index holds the product of any of its dimensions.
  bool is_countable() const {
    Index most = std::numeric_limits<Index>::max();
    for (int axis = 0; axis < rank_; ++axis) {
      const Index size = std::max<Index>(1, (*this)[axis]);
      if (size > most) return false;
      most /= size;
    }
    return true;
  }

  /// The dimensions `first <= axis < last`.
  Shape part(int first, int last) const {
    Shape result;
    for (int axis = first; axis < last; ++axis) result.push_back((*this)[axis]);
    return result;
  }

  /// The dimensions but one.
  Shape without(int axis) const {
    Shape result = part(0, axis);
    for (int later = axis + 1; later < rank_; ++later) result.push_back((*this)[later]);
    return result;
  }

  /// The dimensions that are not 1: what tells a vector of any shape.
  Shape without_ones() const {
    Shape result;
    for (int axis = 0; axis < rank_; ++axis) {
      if ((*this)[axis] != 1) result.push_back((*this)[axis]);
    }
    return result;
  }

  /// "2, 3, 4"
  std::string list() const {
    std::string text;
    for (int axis = 0; axis < rank_; ++axis) {
      text += (axis > 0 ? ", " : "") + std::to_string((*this)[axis]);
    }
    return text;
  }
  /// "(2, 3, 4)". Appended: in C++20 g++ 12 warns of an insertion at the front, which is + here.
  std::string text() const { return std::string("(").append(list()).append(")"); }

  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_ == b.rank_ && a.dimensions_ == b.dimensions_;
  }
  friend bool operator!=(const Shape& a, const Shape& b) { return !(a == b); }

 private:
  std::array<Index, max_rank> dimensions_{};
  int rank_ = 0;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory
