// SPDX-License-Identifier: MIT
#include "eigen_norm/memory/input.hpp"

#include <gtest/gtest.h>

#include "support/places.hpp"
#include "support/random.hpp"

namespace eigen_norm::memory {
namespace {

using Eigen::MatrixXf;
using RowMatrix = test::RowMatrix<float>;

const test::Logical& sample() {
  static const test::Logical values = test::random_normal({5, 7}, 1);
  return values;
}

// The element (row, col) as the buffer has it.
template <typename Scalar>
Scalar at(const Buffer<const Scalar>& buffer, Index row, Index col) {
  const Layout& layout = buffer.layout;
  return buffer.data[layout.row_major ? row * layout.leading + col : col * layout.leading + row];
}

template <typename X, bool RowMajor>
void expect_values(const Input<X, RowMajor>& input) {
  ASSERT_EQ(input.shape(), (Shape{5, 7}));
  EXPECT_EQ(input.layout().row_major, RowMajor);
  for (Index row = 0; row < 5; ++row) {
    for (Index col = 0; col < 7; ++col) {
      EXPECT_EQ(test::Real(at(input.buffer(), row, col)), sample().at({row, col}));
    }
  }
}

template <typename Place>
void expect_in_place() {
  Place place(sample());
  auto&& x = place.view();
  const Input<Bare<decltype(x)>> input(x);
  EXPECT_EQ(input.buffer().data, x.data());
  expect_values(input);
}

TEST(Input, WithDirectAccessIsReadWhereItLies) {
  const auto each = [](auto* place) { expect_in_place<std::remove_pointer_t<decltype(place)>>(); };
  using Col = test::ColMatrix<float>;
  test::for_each_place(test::WritablePlaces<RowMatrix, test::RowArray<float>, Col>(), each);
  test::for_each_place(test::WritablePlaces<Col, test::ColArray<float>, RowMatrix>(), each);
  expect_in_place<test::Within<Col, test::AsConstRef>>();
  expect_in_place<test::Within<Col, test::AsConstMap>>();
  expect_in_place<test::Owned<Eigen::Tensor<float, 2>>>();
  expect_in_place<test::Mapped<Eigen::Tensor<float, 2, Eigen::RowMajor>>>();
  expect_in_place<test::MappedConst<float, 2, Eigen::ColMajor>>();
}

TEST(Input, WithoutMemoryOfItsOwnIsEvaluated) {
  const MatrixXf half = 0.5F * test::to_eigen<MatrixXf>(sample());
  const auto twice = 2 * half;
  expect_values(Input<Bare<decltype(twice)>>(twice));
  const Eigen::Tensor<float, 2> tensor = test::to_eigen<Eigen::Tensor<float, 2>>(sample());
  const auto same = tensor * 1.0F;
  expect_values(Input<Bare<decltype(same)>>(same));
}

TEST(Input, WithAnInnerStrideIsCopied) {
  test::InnerStrided<RowMatrix> place(sample());
  const auto x = place.view();
  const Input<Bare<decltype(x)>> input(x);
  EXPECT_NE(input.buffer().data, x.data());
  EXPECT_EQ(input.layout().leading, 7);
  expect_values(input);
}

TEST(Input, AskedForInTheOtherOrderIsCopied) {
  const auto matrix = test::to_eigen<MatrixXf>(sample());
  expect_values(Input<MatrixXf, true>(matrix));
  const auto array = test::to_eigen<test::RowArray<float>>(sample());
  expect_values(Input<test::RowArray<float>, false>(array));
  const auto tensor = test::to_eigen<Eigen::Tensor<float, 2, Eigen::RowMajor>>(sample());
  expect_values(Input<Eigen::Tensor<float, 2, Eigen::RowMajor>, false>(tensor));
}

TEST(Input, WithGapsIsCopiedOnlyWhereItMustBePacked) {
  test::Within<MatrixXf, test::AsBlock> place(sample());
  const auto x = place.view();
  using X = Bare<decltype(x)>;
  const Input<X> as_it_is(x), packed(x, true);
  EXPECT_EQ(as_it_is.buffer().data, x.data());
  EXPECT_EQ(as_it_is.layout().leading, x.outerStride());
  EXPECT_NE(packed.buffer().data, x.data());
  EXPECT_EQ(packed.layout().leading, 5);
  expect_values(packed);
  const auto whole = test::to_eigen<MatrixXf>(sample());
  EXPECT_EQ((Input<MatrixXf>(whole, true).buffer().data), whole.data());
}

}  // namespace
}  // namespace eigen_norm::memory
