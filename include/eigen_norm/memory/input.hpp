// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/memory/buffer.hpp"
#include "eigen_norm/memory/eigen_object.hpp"

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

/// An input argument as memory in the given storage order. It is read where it lies; only what has
/// no memory of its own (an expression), has an inner stride or lies in the other order is
/// evaluated once into a copy.
template <typename X, bool RowMajor = EigenObject<X>::row_major>
class Input {
  using Object = EigenObject<X>;
  using Scalar = typename Object::Scalar;

 public:
  /// `packed`: a matrix with gaps between its lines is copied as well.
  explicit Input(const X& x, bool packed = false) {
    if constexpr (Object::has_memory && Object::row_major == RowMajor) {
      const Layout layout = Object::layout(x);
      if (Object::is_adjacent(x) && (!packed || layout.is_packed())) {
        buffer_ = {x.data(), layout};
        return;
      }
    }
    using Copied = EigenObject<decltype(copy_)>;
    copy_ = Object::template copy<RowMajor>(x);
    buffer_ = {copy_.data(), Layout::packed(Copied::shape(copy_), RowMajor)};
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  const Buffer<const Scalar>& buffer() const { return buffer_; }
  const Layout& layout() const { return buffer_.layout; }
  const Shape& shape() const { return buffer_.layout.shape; }

 private:
  typename Object::template Copy<RowMajor> copy_;
  Buffer<const Scalar> buffer_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory
