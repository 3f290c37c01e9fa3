// SPDX-License-Identifier: MIT
#pragma once

#include "support/layer_check.hpp"

// One question asked of a layer with its arrays in every kind of place.
namespace eigen_norm::test {

// Tensors of their own, maps that are not aligned, maps that are const; each alone and mixed; dy in
// the other order too.
template <int Rank, int Order, typename Layer>
void expect_every_tensor(const Layer& layer, const Example& example) {
  using Scalar = typename Layer::Scalar;
  using Tensor = Eigen::Tensor<Scalar, Rank, Order>;
  constexpr int other = Order == Eigen::RowMajor ? Eigen::ColMajor : Eigen::RowMajor;
  using Owner = Owned<Tensor>;
  expect_answers<Mapped<Tensor>>(layer, example);
  expect_answers<ConstMapped<Tensor>, Owner, MappedConst<Scalar, Rank, Order>>(layer, example);
  expect_answers<MappedConst<Scalar, Rank, Order>, Mapped<Tensor>, Owner, Owner>(layer, example);
  expect_answers<Owner, Owner, Mapped<Eigen::Tensor<Scalar, Rank, other>>, Mapped<Tensor>>(layer,
                                                                                           example);
  expect_in_place<Owner>(layer, example);
  expect_in_place<Mapped<Tensor>>(layer, example);
}

// Matrix, Array, Block, Ref, Map and transpose in one storage order; in place too.
template <int Order, typename Layer>
void expect_every_matrix(const Layer& layer, const Example& example) {
  using Scalar = typename Layer::Scalar;
  constexpr bool row_major = Order == Eigen::RowMajor;
  using Matrix = std::conditional_t<row_major, RowMatrix<Scalar>, ColMatrix<Scalar>>;
  using Array = std::conditional_t<row_major, RowArray<Scalar>, ColArray<Scalar>>;
  using Transpose = std::conditional_t<row_major, ColMatrix<Scalar>, RowMatrix<Scalar>>;
  for_each_place(WritablePlaces<Matrix, Array, Transpose>(), [&](auto* place) {
    expect_answers<std::remove_pointer_t<decltype(place)>>(layer, example);
  });
  for_each_place(ReadablePlaces<Matrix>(), [&](auto* place) {
    expect_answers<std::remove_pointer_t<decltype(place)>, Owned<Matrix>>(layer, example);
  });
  expect_in_place<Owned<Array>>(layer, example);
  expect_in_place<Within<Matrix, AsMap>>(layer, example);
  expect_in_place<Within<Transpose, AsTransposed>>(layer, example);
}

// Every array of a call with a stride of its own, packed or with gaps; dy in the other order too.
template <int Order, typename Layer>
void expect_mixed_strides(const Layer& layer, const Example& example) {
  using Scalar = typename Layer::Scalar;
  constexpr bool row_major = Order == Eigen::RowMajor;
  using Matrix = std::conditional_t<row_major, RowMatrix<Scalar>, ColMatrix<Scalar>>;
  using Other = std::conditional_t<row_major, ColMatrix<Scalar>, RowMatrix<Scalar>>;
  using Narrow = Within<Matrix, AsBlock, 1>;
  using Wide = Within<Matrix, AsBlock, 6>;
  using Packed = Owned<Matrix>;
  expect_answers<Narrow, Packed, Wide, Packed>(layer, example);
  expect_answers<Packed, Wide, Packed, Narrow>(layer, example);
  expect_answers<Packed, Packed, Narrow, Wide>(layer, example);
  expect_answers<Wide, Narrow, Within<Other, AsBlock>, Packed>(layer, example);
}

}  // namespace eigen_norm::test
