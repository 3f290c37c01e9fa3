// SPDX-License-Identifier: MIT
#include "eigen_norm/memory/eigen_object.hpp"

#include <gtest/gtest.h>

#include "support/places.hpp"

// What is known of each Eigen type at compile time, and of each object at run time.
namespace eigen_norm::memory {
namespace {

using Eigen::ColMajor;
using Eigen::MatrixXf;
using Eigen::RowMajor;
using Eigen::Tensor;
using Eigen::TensorMap;
using RowMatrix = test::RowMatrix<float>;
using Strided = Eigen::Map<MatrixXf, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;

// rank, row_major, has_memory, is_writable, is_owner
template <typename X>
constexpr bool is(int rank, bool row_major, bool has_memory, bool is_writable, bool is_owner) {
  using Object = EigenObject<X>;
  return Object::rank == rank && Object::row_major == row_major &&
         Object::has_memory == has_memory && Object::is_writable == is_writable &&
         Object::is_owner == is_owner;
}

constexpr bool row = true, col = false;

static_assert(is<MatrixXf>(2, col, true, true, true));
static_assert(is<RowMatrix>(2, row, true, true, true));
static_assert(is<Eigen::ArrayXXd>(2, col, true, true, true));
static_assert(is<Eigen::VectorXf>(2, col, true, true, true));
static_assert(is<Eigen::RowVectorXf>(2, row, true, true, true));
static_assert(is<Eigen::Matrix<float, 3, 4>>(2, col, true, true, true));
static_assert(is<const MatrixXf>(2, col, true, true, true));
static_assert(is<Eigen::Map<RowMatrix>>(2, row, true, true, false));
static_assert(is<Eigen::Map<const MatrixXf>>(2, col, true, false, false));
static_assert(is<Eigen::Ref<MatrixXf>>(2, col, true, true, false));
static_assert(is<Eigen::Ref<const MatrixXf>>(2, col, true, false, false));
static_assert(is<Eigen::Block<MatrixXf>>(2, col, true, true, false));
static_assert(is<Eigen::Block<const MatrixXf>>(2, col, true, false, false));
static_assert(is<Eigen::Transpose<MatrixXf>>(2, row, true, true, false));
static_assert(is<Eigen::Transpose<const RowMatrix>>(2, col, true, false, false));
static_assert(is<decltype(2 * std::declval<MatrixXf&>())>(2, col, false, false, false));
static_assert(is<Tensor<float, 4>>(4, col, true, true, true));
static_assert(is<Tensor<double, 3, RowMajor>>(3, row, true, true, true));
static_assert(is<TensorMap<Tensor<float, 3, RowMajor>>>(3, row, true, true, false));
static_assert(is<TensorMap<Tensor<const float, 3>>>(3, col, true, false, false));
static_assert(is<Eigen::TensorFixedSize<float, Eigen::Sizes<2, 3>>>(2, col, true, true, false));
static_assert(is<decltype(std::declval<Tensor<float, 3, RowMajor>&>() * 2.0F)>(3, row, false, false,
                                                                               false));

// What a layer returns is an owner of the same kind.
static_assert(std::is_same_v<EigenObject<Eigen::Block<MatrixXf>>::Plain, MatrixXf>);
static_assert(std::is_same_v<EigenObject<Eigen::Transpose<MatrixXf>>::Plain, RowMatrix>);
static_assert(
    std::is_same_v<EigenObject<Eigen::Map<const Eigen::ArrayXXf>>::Plain, Eigen::ArrayXXf>);
static_assert(std::is_same_v<EigenObject<TensorMap<Tensor<const float, 3, RowMajor>>>::Plain,
                             Tensor<float, 3, RowMajor>>);

static_assert(std::is_same_v<EigenObject<TensorMap<Tensor<const float, 3>>>::Scalar, float>);
static_assert(std::is_same_v<Bare<const MatrixXf&>, MatrixXf>);

TEST(EigenObject, OfAConstMapIsNotWritableHoweverItIsSpelt) {
  EXPECT_TRUE((is<TensorMap<const Tensor<float, 3>>>(3, col, true, false, false)));
  EXPECT_TRUE((is<TensorMap<Tensor<const float, 3>>>(3, col, true, false, false)));
}

template <typename X>
Layout layout_of(const X& x) {
  return EigenObject<X>::layout(x);
}

TEST(EigenObject, KeepsTheOuterStrideOfABlock) {
  MatrixXf m(7, 9);
  RowMatrix r(7, 9);
  EXPECT_EQ(layout_of(m).leading, 7);
  EXPECT_EQ(layout_of(r).leading, 9);
  EXPECT_EQ(layout_of(m.block(1, 2, 3, 4)).leading, 7);
  EXPECT_EQ(layout_of(m.block(1, 2, 3, 4)).shape, (Shape{3, 4}));
  EXPECT_EQ(layout_of(r.block(1, 2, 3, 4)).leading, 9);
  EXPECT_EQ(layout_of(r.block(1, 2, 3, 4)).row_major, true);
  EXPECT_EQ(layout_of(m.block(1, 2, 3, 4).transpose()).leading, 7);
  EXPECT_EQ(layout_of(m.block(1, 2, 3, 4).transpose()).shape, (Shape{4, 3}));
  EXPECT_EQ(layout_of(m.block(1, 2, 3, 4).transpose()).row_major, true);
}

TEST(EigenObject, OfATensorIsPacked) {
  const Tensor<float, 3> col_tensor(2, 3, 4);
  const Tensor<float, 3, RowMajor> row_tensor(2, 3, 4);
  EXPECT_EQ(layout_of(col_tensor).leading, 6);
  EXPECT_EQ(layout_of(row_tensor).leading, 12);
  EXPECT_EQ(layout_of(row_tensor).shape, (Shape{2, 3, 4}));
  const Eigen::TensorFixedSize<float, Eigen::Sizes<2, 3>> fixed;
  EXPECT_EQ(layout_of(fixed).shape, (Shape{2, 3}));
}

template <typename X>
bool is_adjacent(const X& x) {
  return EigenObject<X>::is_adjacent(x);
}

TEST(EigenObject, SeesAnInnerStride) {
  MatrixXf m(7, 9);
  RowMatrix r(7, 9);
  EXPECT_TRUE(is_adjacent(m));
  EXPECT_TRUE(is_adjacent(m.block(1, 2, 3, 4)));
  EXPECT_TRUE(is_adjacent(m.col(2)));
  EXPECT_FALSE(is_adjacent(m.row(2)));
  EXPECT_TRUE(is_adjacent(r.row(2)));
  EXPECT_FALSE(is_adjacent(r.col(2)));
  EXPECT_FALSE(is_adjacent(Strided(m.data(), 3, 4, {14, 2})));
  EXPECT_TRUE(is_adjacent(Strided(m.data(), 1, 4, {14, 2})));
}

TEST(EigenObject, OfAnOwnerTakesTheShapesItsTypeAllows) {
  EXPECT_TRUE(EigenObject<MatrixXf>::can_become({3, 4}));
  EXPECT_FALSE(EigenObject<Eigen::Map<MatrixXf>>::can_become({3, 4}));
  EXPECT_FALSE(EigenObject<Eigen::Ref<MatrixXf>>::can_become({3, 4}));
  EXPECT_TRUE(EigenObject<Eigen::VectorXf>::can_become({3, 1}));
  EXPECT_FALSE(EigenObject<Eigen::VectorXf>::can_become({3, 2}));
  EXPECT_FALSE((EigenObject<Eigen::Matrix<float, 3, 4>>::can_become({3, 5})));
  EXPECT_TRUE((EigenObject<Eigen::Matrix<float, 3, Eigen::Dynamic>>::can_become({3, 5})));
  using AtMost = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor, 4, 4>;
  EXPECT_TRUE(EigenObject<AtMost>::can_become({4, 2}));
  EXPECT_FALSE(EigenObject<AtMost>::can_become({5, 2}));
  EXPECT_TRUE((EigenObject<Tensor<float, 3>>::can_become({3, 4, 5})));
  EXPECT_FALSE((EigenObject<TensorMap<Tensor<float, 3>>>::can_become({3, 4, 5})));

  MatrixXf m(2, 2);
  EigenObject<MatrixXf>::resize(m, {3, 4});
  EXPECT_EQ(layout_of(m).shape, (Shape{3, 4}));
  Tensor<float, 3> t;
  EigenObject<Tensor<float, 3>>::resize(t, {3, 4, 5});
  EXPECT_EQ(layout_of(t).shape, (Shape{3, 4, 5}));
}

template <typename X>
void expect_copies(const X& x) {
  const test::Logical want = test::from_eigen(x);
  const auto row_copy = EigenObject<X>::template copy<true>(x);
  const auto col_copy = EigenObject<X>::template copy<false>(x);
  EXPECT_TRUE(layout_of(row_copy).row_major);
  EXPECT_FALSE(layout_of(col_copy).row_major);
  EXPECT_EQ(test::from_eigen(row_copy).dims, want.dims);
  EXPECT_EQ(test::from_eigen(row_copy).values, want.values);
  EXPECT_EQ(test::from_eigen(col_copy).dims, want.dims);
  EXPECT_EQ(test::from_eigen(col_copy).values, want.values);
}

TEST(EigenObject, IsCopiedIntoEitherOrderWithTheSameIndices) {
  const MatrixXf m = MatrixXf::Random(3, 5);
  const RowMatrix r = m;
  expect_copies(m);
  expect_copies(r);
  expect_copies(Eigen::ArrayXXf(m.array()));
  expect_copies(m.transpose());
  expect_copies(m.block(1, 1, 2, 3));
  Tensor<float, 3> t(2, 3, 4);
  t.setRandom();
  expect_copies(t);
  expect_copies(Tensor<float, 3, RowMajor>(2, 3, 4).setRandom());
  expect_copies(TensorMap<Tensor<const float, 3, ColMajor>>(t.data(), 2, 3, 4));
}

}  // namespace
}  // namespace eigen_norm::memory
