// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <limits>
#include <unsupported/Eigen/CXX11/Tensor>
#include <utility>
#include <vector>

#include "support/logical.hpp"

// Places where an array can lie: one class for each kind of Eigen object that a layer takes. All
// are used alike: built from the values, read and written through view(), and asked in the end
// whether the memory around the array was left alone. That memory is NaN, so that reading it shows
// as well.
namespace eigen_norm::test {

template <typename Scalar>
using RowMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename Scalar>
using ColMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;
template <typename Scalar>
using RowArray = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename Scalar>
using ColArray = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;

inline Logical all_nan(const Dims& dims) {
  return Logical(dims, std::numeric_limits<Real>::quiet_NaN());
}

// A Tensor, Matrix or Array of its own.
template <typename Object>
class Owned {
 public:
  using Scalar = typename Object::Scalar;
  static constexpr bool is_writable = true;

  explicit Owned(const Logical& values) : object_(to_eigen<Object>(values)) {}
  Object& view() { return object_; }
  bool is_alone() { return true; }

 private:
  Object object_;
};

// A TensorMap one element past the start of its memory: not aligned to any vector.
template <typename Tensor>
class Mapped {
 public:
  using Scalar = typename Tensor::Scalar;
  static constexpr bool is_writable = true;

  explicit Mapped(const Logical& values)
      : dims_(values.dims),
        memory_(static_cast<std::size_t>(values.size() + 2),
                std::numeric_limits<Scalar>::quiet_NaN()) {
    copy_to(values, view());
  }
  Eigen::TensorMap<Tensor> view() { return {memory_.data() + 1, sizes()}; }
  bool is_alone() { return memory_.front() != memory_.front() && memory_.back() != memory_.back(); }

 protected:
  Eigen::array<Index, static_cast<std::size_t>(Tensor::NumDimensions)> sizes() const {
    Eigen::array<Index, static_cast<std::size_t>(Tensor::NumDimensions)> sizes{};
    for (std::size_t axis = 0; axis < sizes.size(); ++axis) sizes[axis] = dims_[axis];
    return sizes;
  }
  const Scalar* data() const { return memory_.data() + 1; }

 private:
  Dims dims_;
  std::vector<Scalar> memory_;
};

// TensorMap<const Tensor<float>>: an input only.
template <typename Tensor>
class ConstMapped : public Mapped<Tensor> {
 public:
  static constexpr bool is_writable = false;
  using Mapped<Tensor>::Mapped;
  Eigen::TensorMap<const Tensor> view() { return {this->data(), this->sizes()}; }
};

// TensorMap<Tensor<const float>>: the other way to say the same.
template <typename Scalar, int Rank, int Order>
class MappedConst : public Mapped<Eigen::Tensor<Scalar, Rank, Order>> {
 public:
  static constexpr bool is_writable = false;
  using Mapped<Eigen::Tensor<Scalar, Rank, Order>>::Mapped;
  Eigen::TensorMap<Eigen::Tensor<const Scalar, Rank, Order>> view() {
    return {this->data(), this->sizes()};
  }
};

// How a part of a larger matrix is named. `transposed`: the larger matrix is features by samples.
struct AsBlock {
  static constexpr bool is_writable = true, is_transposed = false;
  template <typename Plain>
  static auto open(Plain& all, Index margin, Index rows, Index cols) {
    return all.block(margin, margin, rows, cols);
  }
};
struct AsTransposed {
  static constexpr bool is_writable = true, is_transposed = true;
  template <typename Plain>
  static auto open(Plain& all, Index margin, Index rows, Index cols) {
    return all.block(margin, margin, cols, rows).transpose();
  }
};
struct AsRef {
  static constexpr bool is_writable = true, is_transposed = false;
  template <typename Plain>
  static auto open(Plain& all, Index margin, Index rows, Index cols) {
    return Eigen::Ref<Plain>(all.block(margin, margin, rows, cols));
  }
};
struct AsConstRef {
  static constexpr bool is_writable = false, is_transposed = false;
  template <typename Plain>
  static auto open(Plain& all, Index margin, Index rows, Index cols) {
    return Eigen::Ref<const Plain>(all.block(margin, margin, rows, cols));
  }
};
struct AsMap {
  static constexpr bool is_writable = true, is_transposed = false;
  template <typename Plain>
  static auto open(Plain& all, Index margin, Index rows, Index cols) {
    using Stride = Eigen::OuterStride<>;
    return Eigen::Map<Plain, Eigen::Unaligned, Stride>(&all(margin, margin), rows, cols,
                                                       Stride(all.outerStride()));
  }
};
struct AsPackedMap {
  static constexpr bool is_writable = true, is_transposed = false;
  template <typename Plain>
  static auto open(Plain& all, Index, Index rows, Index cols) {
    return Eigen::Map<Plain>(all.data() + 1, rows, cols);
  }
};
struct AsConstMap {
  static constexpr bool is_writable = false, is_transposed = false;
  template <typename Plain>
  static auto open(Plain& all, Index, Index rows, Index cols) {
    return Eigen::Map<const Plain>(all.data() + 1, rows, cols);
  }
};

// A part of a larger Matrix or Array, NaN around it. Margins of another size give other strides.
template <typename Plain, typename As, int Margin = 3>
class Within {
 public:
  using Scalar = typename Plain::Scalar;
  static constexpr bool is_writable = As::is_writable;

  explicit Within(const Logical& values) : rows_(values.dims[0]), cols_(values.dims[1]) {
    const Index rows = (As::is_transposed ? cols_ : rows_) + 2 * Margin;
    const Index cols = (As::is_transposed ? rows_ : cols_) + 2 * Margin;
    all_.setConstant(rows, cols, std::numeric_limits<Scalar>::quiet_NaN());
    write(values);
  }
  auto view() { return As::open(all_, Margin, rows_, cols_); }
  bool is_alone() {
    write(all_nan({rows_, cols_}));
    return all_.array().isNaN().all();
  }

 private:
  void write(const Logical& values) {
    const auto there = view();
    for_each_index(values.dims, [&](const Dims& at) {
      const_cast<Scalar&>(there.coeffRef(at[0], at[1])) = static_cast<Scalar>(values.at(at));
    });
  }

  Index rows_, cols_;
  Plain all_;
};

// Every third element of every line: an input that is copied once.
template <typename Plain>
class InnerStrided {
 public:
  using Scalar = typename Plain::Scalar;
  static constexpr bool is_writable = false;

  explicit InnerStrided(const Logical& values) : rows_(values.dims[0]), cols_(values.dims[1]) {
    const auto nan = std::numeric_limits<Scalar>::quiet_NaN();
    if (Plain::IsRowMajor) {
      all_.setConstant(rows_ + 1, 3 * cols_, nan);
    } else {
      all_.setConstant(3 * rows_, cols_ + 1, nan);
    }
    copy_to(values, view());
  }
  auto view() {
    using Stride = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
    return Eigen::Map<Plain, Eigen::Unaligned, Stride>(all_.data(), rows_, cols_,
                                                       Stride(all_.outerStride(), 3));
  }
  bool is_alone() { return true; }

 private:
  Index rows_, cols_;
  Plain all_;
};

// The places of one storage order that a matrix can be written in, as a list of types.
template <typename... Ts>
struct Places {};

template <typename Matrix, typename Array, typename Transpose>
using WritablePlaces =
    Places<Owned<Matrix>, Owned<Array>, Within<Matrix, AsBlock>, Within<Array, AsBlock, 5>,
           Within<Matrix, AsRef>, Within<Matrix, AsMap, 2>, Within<Matrix, AsPackedMap>,
           Within<Transpose, AsTransposed>>;

// And those that can only be read.
template <typename Matrix>
using ReadablePlaces =
    Places<Within<Matrix, AsConstRef>, Within<Matrix, AsConstMap>, InnerStrided<Matrix>>;

// Calls run(pointer to null of each type) in turn.
template <typename... Ts, typename Run>
void for_each_place(Places<Ts...>, Run run) {
  (run(static_cast<Ts*>(nullptr)), ...);
}

}  // namespace eigen_norm::test
