// SPDX-License-Identifier: MIT
#include "eigen_norm/io/copy.hpp"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <unsupported/Eigen/CXX11/Tensor>
#include <vector>

namespace eigen_norm {
namespace {

using io::MutableTensorView;
using io::TensorView;
using io::view_of;

template <typename From, typename To>
void copy(const From& from, To& to) {
  io::copy(view_of(from), view_of(to));
}

TEST(Copy, GoesByIndexBetweenStorageOrders) {
  Eigen::Tensor<float, 3> from(2, 3, 4);
  from.setRandom();
  Eigen::Tensor<double, 3, Eigen::RowMajor> to(2, 3, 4);
  copy(from, to);
  for (Index i = 0; i < 2; ++i) {
    for (Index j = 0; j < 3; ++j) {
      for (Index k = 0; k < 4; ++k) EXPECT_EQ(to(i, j, k), from(i, j, k));
    }
  }
}

TEST(Copy, ReadsAndWritesAtAnyAddress) {
  const Eigen::Array4d values(1, -2, 3e-300, 4);
  std::vector<char> memory(5 * sizeof(double));
  for (std::size_t shift = 1; shift < sizeof(double); ++shift) {
    MutableTensorView unaligned = view_of(const_cast<Eigen::Array4d&>(values));
    unaligned.data = memory.data() + shift;
    io::copy(view_of(values), unaligned);
    Eigen::Array4d back;
    io::copy(unaligned, view_of(back));
    EXPECT_TRUE((back == values).all()) << shift;
    Eigen::Array4f floats;
    io::copy(unaligned, view_of(floats));
    EXPECT_EQ(floats[1], -2) << shift;
  }
}

TEST(Copy, KeepsEveryBitOfTheSameType) {
  const std::uint16_t signalling_nan = 0x7c01;
  Eigen::Matrix<Eigen::half, 2, 2> from;
  from.setConstant(Eigen::numext::bit_cast<Eigen::half>(signalling_nan));
  Eigen::Matrix<Eigen::half, 2, 2, Eigen::RowMajor> to;
  copy(from, to);
  EXPECT_EQ(std::memcmp(&to(1, 0), &signalling_nan, sizeof(signalling_nan)), 0);
}

TEST(Copy, TurnsBytesOfTheOtherOrderRound) {
  const Eigen::Array<std::int32_t, 2, 1> values(1, -2);
  std::int32_t turned[2];
  std::memcpy(turned, values.data(), sizeof(turned));
  for (std::int32_t& value : turned) {
    auto* const bytes = reinterpret_cast<char*>(&value);
    std::reverse(bytes, bytes + sizeof(value));
  }
  TensorView from = view_of(values);
  from.data = turned;
  from.swapped = true;
  Eigen::Array<std::int32_t, 2, 1> same;
  io::copy(from, view_of(same));
  EXPECT_TRUE((same == values).all());
  Eigen::Array<std::int64_t, 2, 1> wider;
  io::copy(from, view_of(wider));
  EXPECT_EQ(wider[1], -2);

  std::int32_t turned_again[2];
  MutableTensorView to = view_of(same);
  to.data = turned_again;
  to.swapped = true;
  io::copy(view_of(values), to);
  EXPECT_EQ(std::memcmp(turned_again, turned, sizeof(turned)), 0);
}

// Every path: in one line or in many, next to each other or apart, in either order of bytes.
TEST(Copy, ConvertsAlongEveryAxisOfBlocks) {
  const Eigen::MatrixXf all = Eigen::MatrixXf::Random(7, 9);
  const auto block = all.block(1, 2, 4, 5);
  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> to(4, 5);
  io::copy(view_of(block), view_of(to));
  EXPECT_EQ(to, block.cast<double>());
  Eigen::MatrixXd around = Eigen::MatrixXd::Zero(6, 7);
  auto inner = around.block(1, 1, 4, 5);
  io::copy(view_of(block), view_of(inner));
  EXPECT_EQ(inner, block.cast<double>());
  EXPECT_EQ(around.cwiseAbs().sum(), inner.cwiseAbs().sum());
}

// Every element has a value of its own, and sizes are those around the tiles.
TEST(Copy, TurnsMatricesOfAnySize) {
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  for (const Index rows : {1, 3, 63, 64, 65, 200}) {
    for (const Index cols : {1, 2, 64, 65, 129}) {
      const RowMajor from = Eigen::VectorXf::LinSpaced(rows * cols, 1, float(rows * cols))
                                .reshaped(cols, rows)
                                .transpose();
      Eigen::MatrixXd around = Eigen::MatrixXd::Zero(rows + 2, cols + 2);
      auto inner = around.block(1, 1, rows, cols);
      io::copy(view_of(from), view_of(inner));
      EXPECT_EQ(inner, from.cast<double>()) << rows << ' ' << cols;
      EXPECT_EQ(around.sum(), inner.sum()) << "nothing beside it";
      RowMajor back(rows, cols);
      io::copy(view_of(inner), view_of(back));
      EXPECT_EQ(back, from) << rows << ' ' << cols;
    }
  }
}

TEST(Copy, TurnsTensorsOfAnyOrderOfAxes) {
  Eigen::Tensor<std::int32_t, 4, Eigen::RowMajor> from(2, 70, 3, 5);
  for (Index i = 0; i < from.size(); ++i) from.data()[i] = static_cast<std::int32_t>(i);
  const memory::Shape sizes = view_of(from).shape;
  std::array<int, 4> order{0, 1, 2, 3};  // of the axes in memory, the slowest first
  do {
    Eigen::Tensor<std::int64_t, 4, Eigen::RowMajor> to(from.dimensions());
    MutableTensorView view = view_of(to);
    memory::Shape strides;
    for (int axis = 0; axis < 4; ++axis) {
      Index stride = 1;
      for (auto later = std::find(order.begin(), order.end(), axis) + 1; later < order.end();
           ++later) {
        stride *= sizes[*later];
      }
      strides.push_back(stride);
    }
    view.strides = strides;
    io::copy(view_of(from), view);
    for (Index i = 0; i < from.size(); ++i) {
      const Index at = i / 1050 * strides[0] + i / 15 % 70 * strides[1] + i / 5 % 3 * strides[2] +
                       i % 5 * strides[3];
      ASSERT_EQ(to.data()[at], i);
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Copy, RoundsToSixteenBitsAndBack) {
  const Eigen::Array4f from(1, -2.5F, 65504, 1.0F / 3);
  Eigen::Array<Eigen::half, 4, 1> halves;
  copy(from, halves);
  Eigen::Array4d back;
  io::copy(view_of(halves), view_of(back));
  EXPECT_EQ(back[2], 65504);
  EXPECT_NEAR(back[3], 1.0 / 3, 1e-4);
  Eigen::Array<Eigen::bfloat16, 4, 1> wide;
  io::copy(view_of(halves), view_of(wide));
  EXPECT_EQ(static_cast<float>(wide[1]), -2.5F);
}

TEST(Copy, TakesNumbersAsTensorsOfNoDimensions) {
  const std::int64_t from = 7;
  std::int32_t to = 0;
  copy(from, to);
  EXPECT_EQ(to, 7);
}

TEST(Copy, OfNothingDoesNothing) {
  const Eigen::MatrixXf from(0, 3);
  Eigen::MatrixXd to(0, 3);
  copy(from, to);
}

TEST(AllFit, TellsWhatARangeCannotHold) {
  using io::ElementType;
  const double largest_half = 65504;
  EXPECT_TRUE(io::all_fit(view_of(largest_half), ElementType::f16));
  const double beyond_half = 65520;
  EXPECT_FALSE(io::all_fit(view_of(beyond_half), ElementType::f16));
  EXPECT_TRUE(io::all_fit(view_of(beyond_half), ElementType::bf16));
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(io::all_fit(view_of(infinity), ElementType::f16));
  const std::int64_t large = std::int64_t{1} << 31;
  EXPECT_FALSE(io::all_fit(view_of(large), ElementType::i32));
  const std::int64_t lowest = -large;
  EXPECT_TRUE(io::all_fit(view_of(lowest), ElementType::i32));
  EXPECT_TRUE(io::all_fit(view_of(large), ElementType::i64));
}

TEST(AllFit, FindsNothingToLookAtInAnEmptyTensorOfManyRows) {
  TensorView view;
  view.shape = {std::numeric_limits<Index>::max() / 2, 0};
  view.strides = io::packed_strides(view.shape);
  EXPECT_TRUE(io::all_fit(view, io::ElementType::f16));
}

TEST(AllFit, SeesWhatRoundsToInfinity) {
  const float largest = std::numeric_limits<float>::max();
  EXPECT_FALSE(io::all_fit(view_of(largest), io::ElementType::bf16));
  EXPECT_TRUE(io::all_fit(view_of(largest), io::ElementType::f64));
}

TEST(AllFit, LooksAtEveryElementOfAView) {
  Eigen::MatrixXd values = Eigen::MatrixXd::Zero(4, 4);
  values(2, 2) = 1e300;
  EXPECT_FALSE(io::all_fit(view_of(values), io::ElementType::f32));
  const auto beside = values.leftCols(2);
  EXPECT_TRUE(io::all_fit(view_of(beside), io::ElementType::f32));
}

}  // namespace
}  // namespace eigen_norm
