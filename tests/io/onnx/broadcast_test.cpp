// SPDX-License-Identifier: MIT
#include "eigen_norm/io/onnx/broadcast.hpp"

#include <gtest/gtest.h>

namespace eigen_norm {
namespace {

using io::internal::broadcast;
using memory::Shape;

io::TensorView packed(const Shape& shape) {
  io::TensorView view;
  view.shape = shape;
  view.strides = io::packed_strides(shape);
  return view;
}

TEST(Broadcast, KeepsWhatHasTheShape) {
  const auto view = broadcast(packed({2, 3}), {2, 3});
  ASSERT_TRUE(view);
  EXPECT_EQ(view->shape, Shape({2, 3}));
  EXPECT_EQ(view->strides, Shape({3, 1}));
}

TEST(Broadcast, RepeatsDimensionsOfOneAndThoseThatAreAbsent) {
  EXPECT_EQ(broadcast(packed({2, 1}), {2, 3})->strides, Shape({1, 0}));
  EXPECT_EQ(broadcast(packed({3}), {2, 3})->strides, Shape({0, 1}));
  EXPECT_EQ(broadcast(packed({}), {2, 3})->strides, Shape({0, 0}));
}

TEST(Broadcast, DropsLeadingDimensionsOfOne) {
  const auto view = broadcast(packed({1, 1, 3}), {2, 3});
  ASSERT_TRUE(view);
  EXPECT_EQ(view->shape, Shape({2, 3}));
  EXPECT_EQ(view->strides, Shape({0, 1}));
}

TEST(Broadcast, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(broadcast(packed({2}), {2, 3}));
  EXPECT_FALSE(broadcast(packed({2, 3}), {3}));
  EXPECT_FALSE(broadcast(packed({3, 1}), {2, 3}));
}

}  // namespace
}  // namespace eigen_norm
