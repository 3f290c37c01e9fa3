// SPDX-License-Identifier: MIT
#include "eigen_norm/memory/output.hpp"

#include <gtest/gtest.h>

namespace eigen_norm::memory {
namespace {

using Eigen::MatrixXf;
using Tensor = Eigen::Tensor<float, 3>;

TEST(Output, ThatOwnsItsMemoryIsResizedWhenOpened) {
  MatrixXf y = MatrixXf::Zero(2, 2);
  Output<MatrixXf&> out(y);
  EXPECT_TRUE(out.fits({5, 3}));
  const Buffer<float> buffer = out.open({5, 3}, false);
  EXPECT_EQ(y.rows(), 5);
  EXPECT_EQ(buffer.data, y.data());
  EXPECT_EQ(buffer.layout.leading, 5);

  Tensor t(1, 1, 1);
  Output<Tensor&> tensor(t);
  EXPECT_TRUE(tensor.fits({2, 3, 4}));
  const float* data = tensor.open({2, 3, 4}, true).data;
  EXPECT_EQ(t.size(), 24);
  EXPECT_EQ(data, t.data());
}

TEST(Output, ThatIsAViewMustHaveTheShapeAlready) {
  MatrixXf all = MatrixXf::Zero(8, 8);
  auto block = all.block(1, 2, 5, 3);
  Output<decltype(block)> out(block);
  EXPECT_TRUE(out.fits({5, 3}));
  EXPECT_FALSE(out.fits({3, 5}));
  EXPECT_EQ(out.shape(), (Shape{5, 3}));
  const Buffer<float> buffer = out.open({5, 3}, false);
  EXPECT_EQ(buffer.data, &all(1, 2));
  EXPECT_EQ(buffer.layout.leading, 8);

  Tensor t(2, 3, 4);
  Eigen::TensorMap<Tensor> map(t.data(), 2, 3, 4);
  Output<Eigen::TensorMap<Tensor>> mapped(map);
  EXPECT_FALSE(mapped.fits({2, 3, 5}));
  EXPECT_TRUE(mapped.fits({2, 3, 4}));
  EXPECT_EQ(mapped.open({2, 3, 4}, true).data, t.data());
}

TEST(Output, WithGapsIsWrittenThroughACopyWhereItMustBePacked) {
  MatrixXf all = MatrixXf::Zero(8, 8);
  auto block = all.block(1, 2, 2, 3);
  Output<decltype(block)> out(block);
  const Buffer<float> buffer = out.open({2, 3}, true);
  EXPECT_EQ(buffer.layout.leading, 2);
  for (Index i = 0; i < 6; ++i) buffer.data[i] = static_cast<float>(i + 1);
  EXPECT_TRUE(all.isZero());
  out.close();
  EXPECT_EQ(all(1, 2), 1);
  EXPECT_EQ(all(2, 4), 6);
  EXPECT_EQ(all.sum(), 21);
}

TEST(Output, WithoutGapsIsWrittenDirectly) {
  MatrixXf y = MatrixXf::Zero(2, 3);
  Output<MatrixXf&> out(y);
  EXPECT_EQ(out.open({2, 3}, true).data, y.data());
  out.close();
  EXPECT_TRUE(y.isZero());
}

// Eigen would copy from a null pointer, which a sanitizer sees.
TEST(Output, ThatIsEmptyIsNotWritten) {
  float memory = 1;
  Eigen::TensorMap<Tensor> empty(&memory, 2, 0, 3);
  Output<Eigen::TensorMap<Tensor>, true> out(empty);
  out.open({2, 0, 3}, true);
  out.close();
  EXPECT_EQ(memory, 1);
}

TEST(Output, SeesAnInnerStride) {
  MatrixXf all = MatrixXf::Zero(8, 8);
  auto row = all.row(2);
  auto col = all.col(2);
  EXPECT_FALSE(Output<decltype(row)>(row).is_adjacent());
  EXPECT_TRUE(Output<decltype(col)>(col).is_adjacent());
}

TEST(Output, IsSafeBesideAnInputThatIsElsewhereOrExactlyItself) {
  MatrixXf all = MatrixXf::Zero(8, 8);
  auto y = all.block(0, 0, 4, 4);
  const Output<decltype(y)> out(y);
  const auto input = [&](Index row, Index col) {
    return Buffer<const float>{&all(row, col), {{4, 4}, false, 8}};
  };
  EXPECT_TRUE(out.is_safe_beside(input(0, 0)));
  EXPECT_TRUE(out.is_safe_beside(input(4, 0)));
  EXPECT_TRUE(out.is_safe_beside(input(0, 4)));
  EXPECT_FALSE(out.is_safe_beside(input(3, 0)));
  EXPECT_FALSE(out.is_safe_beside(input(0, 3)));
}

}  // namespace
}  // namespace eigen_norm::memory
