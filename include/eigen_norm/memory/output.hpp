// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/memory/buffer.hpp"
#include "eigen_norm/memory/eigen_object.hpp"

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

/// An output argument as memory in the given storage order: first asked whether it will do, then
/// opened, written and closed. An owning object takes the shape of the result; a view must have it
/// already.
template <typename Y, bool RowMajor = EigenObject<Y>::row_major>
class Output {
  using Object = EigenObject<Y>;
  using Scalar = typename Object::Scalar;
  static_assert(Object::is_writable && !std::is_const_v<std::remove_reference_t<Y>>,
                "eigen_norm: the output must be writable memory: a tensor, matrix or array, or a "
                "map, block or ref of one that is not const");

 public:
  explicit Output(Bare<Y>& y) : y_(y) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  Shape shape() const { return Object::shape(y_); }
  bool fits(const Shape& shape) const {
    return this->shape() == shape || Object::can_become(shape);
  }
  bool is_adjacent() const { return Object::is_adjacent(y_); }

  /// Whether writing the result leaves this input readable: it is elsewhere, or it is exactly the
  /// output, element for element.
  template <typename X>
  bool is_safe_beside(const Buffer<const X>& input) const {
    const Buffer<Scalar> now{y_.data(), Object::layout(y_)};
    return is_same_place(now, input) || !share_elements(now, input);
  }

  /// `packed`: a view with gaps between its lines is written through a copy, as is one that lies in
  /// the other order.
  Buffer<Scalar> open(const Shape& shape, bool packed) {
    if (this->shape() != shape) Object::resize(y_, shape);
    const Layout layout = Object::layout(y_);
    if (Object::row_major == RowMajor && (!packed || layout.is_packed())) {
      return {y_.data(), layout};
    }
    copy_ = Object::template copy<RowMajor>(y_);
    is_copied_ = true;
    return {copy_.data(), Layout::packed(shape, RowMajor)};
  }

  void close() {
    if (shape().size() == 0) return;  // Eigen would copy from a null pointer
    if constexpr (is_dense<Y>) {
      if (is_copied_) y_ = copy_;
    } else if constexpr (Object::row_major != RowMajor) {
      y_ = EigenObject<Copy>::template copy<Object::row_major>(copy_);
    }
  }

 private:
  using Copy = typename Object::template Copy<RowMajor>;

  Bare<Y>& y_;
  Copy copy_;
  bool is_copied_ = false;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory
