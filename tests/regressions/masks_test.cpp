// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "eigen_norm/batch_norm.hpp"
#include "support/layer_check.hpp"

// Padding that must not count.
namespace eigen_norm::test {
namespace {

using Sequences = Eigen::Tensor<double, 3, Eigen::RowMajor>;

// The mask is dropped and the padding of -10 counts. (PyTorch, 70529 and others, has no masks.)
TEST(TensorFlow, Issue30161PaddingInTheStatistics) {
  Sequences padded(2, 1, 10), bare(2, 1, 5);
  padded.setConstant(-10);
  for (Index n = 0; n < 2; ++n) {
    for (Index l = 0; l < 5; ++l) {
      padded(n, 0, l) = bare(n, 0, l) = static_cast<double>(1 + 5 * n + l);
    }
  }
  BatchNorm1d<double> norm(1), twin(1);
  const Sequences y = norm.forward(padded, Mask::of_lengths({5, 5}, 10)), want = twin.forward(bare);
  for (Index n = 0; n < 2; ++n) {
    for (Index l = 0; l < 5; ++l) EXPECT_NEAR(y(n, 0, l), want(n, 0, l), 1e-15);
  }
  EXPECT_NEAR(norm.running_mean()(0), twin.running_mean()(0), 1e-15);
  EXPECT_NEAR(norm.running_var()(0), twin.running_var()(0), 1e-15);
}

// The sum of the weights missed the dimensions that the mask does not have: results that are not
// centred. Divided by the count + 1e-7 since, they are not quite.
TEST(Keras, PullRequest20815MaskedMean) {
  const Logical x = random_normal({3, 2, 50}, 1, 1e6L);
  BatchNorm1d<double> norm(2);
  const std::vector<Index> lengths{50, 7, 20};
  const Sequences y = norm.forward(to_eigen<Sequences>(x), Mask::of_lengths(lengths, 50));
  for (Index c = 0; c < 2; ++c) {
    double sum = 0;
    for (Index n = 0; n < 3; ++n) {
      for (Index l = 0; l < lengths[static_cast<std::size_t>(n)]; ++l) sum += y(n, c, l);
    }
    EXPECT_NEAR(sum / 77, 0, 1e-10);
  }
}

// A constant under the mask is beta, whatever stands in the padding.
TEST(Keras, ConstantUnderAMask) {
  Sequences x(2, 1, 3);
  x.setValues({{{10000.1, 10000.1, -7}}, {{10000.1, 0, 1e9}}});
  BatchNorm1d<double> norm(1);
  norm.beta() << 0.25;
  const Sequences y = norm.forward(x, Mask::of_lengths({2, 1}, 3));
  EXPECT_EQ(y(0, 0, 0), 0.25);
  EXPECT_EQ(y(0, 0, 1), 0.25);
  EXPECT_EQ(y(1, 0, 0), 0.25);
}

// Nothing counts: no NaN, and no batch for the running statistics.
TEST(Keras, InputThatIsFullyMasked) {
  BatchNorm1d<double> norm(1);
  const Sequences x = Sequences(2, 1, 3).setRandom();
  const Sequences y = norm.forward(x, Mask::of_lengths({0, 0}, 3));
  for (Index i = 0; i < y.size(); ++i) EXPECT_TRUE(std::isfinite(y.data()[i]));
  EXPECT_EQ(norm.num_batches_tracked(), 0);
  EXPECT_EQ(norm.running_var()(0), 1);
}

}  // namespace
}  // namespace eigen_norm::test
