// SPDX-License-Identifier: MIT
#include "eigen_norm/core/per_sample.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigen_norm {
namespace {

TEST(PerSample, AddsToGradientsOfWhatThereIs) {
  using Table = PerSample<float>::Table;
  PerSample<float> affine{Table::Ones(2, 3), Table()};
  affine.zero_grad();
  EXPECT_EQ(affine.scale_grad.rows(), 2);
  EXPECT_EQ(affine.shift_grad.size(), 0);
  const std::vector<double> dscale = {1, 2, 3}, dshift = {4, 5, 6};
  affine.accumulate(1, dscale.data(), dshift.data());
  affine.accumulate(1, dscale.data(), dshift.data());
  EXPECT_TRUE((affine.scale_grad.row(0) == 0).all());
  EXPECT_EQ(affine.scale_grad(1, 2), 6);
  EXPECT_EQ(affine.row(affine.scale, 1), affine.scale.data() + 3);
  EXPECT_EQ(affine.row(affine.shift, 1), nullptr);
}

}  // namespace
}  // namespace eigen_norm
