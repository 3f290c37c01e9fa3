// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "eigen_norm/batch_norm.hpp"
#include "support/errors.hpp"
#include "support/layer_check.hpp"

// Ghost batches: parts of a batch, each normalised by its own statistics.
namespace eigen_norm::test {
namespace {

// A layer with virtual batches against a plain one that is given them one after the other.
template <typename Object, typename Layer>
void expect_parts_by_themselves(Index channels, const Dims& dims, Index size, ChannelAxis axis) {
  BatchNormOptions options;
  options.channels = axis;
  Layer plain(channels, options);
  options.virtual_batch_size = size;
  Layer ghost(channels, options);
  for (Layer* layer : {&plain, &ghost}) {
    set_affine(*layer, {random_gamma(channels, 1), random_beta(channels, 2)});
  }
  const Logical x = random_normal(dims, 3, 1, 2), dy = random_normal(dims, 4);
  const Logical y = from_eigen(ghost.forward(to_eigen<Object>(x)));
  const Logical dx = from_eigen(ghost.backward(to_eigen<Object>(x), to_eigen<Object>(dy)));
  const Index parts = dims[0] / size;
  EXPECT_EQ(ghost.batch_mean().size(), parts * channels);
  Eigen::ArrayXd mean = Eigen::ArrayXd::Zero(channels), var = mean;
  for (Index part = 0; part < parts; ++part) {
    const Object xs = to_eigen<Object>(samples_of(x, part * size, (part + 1) * size));
    const Object dys = to_eigen<Object>(samples_of(dy, part * size, (part + 1) * size));
    plain.reset_running_stats();
    expect_close("y", samples_of(y, part * size, (part + 1) * size), from_eigen(plain.forward(xs)),
                 1e-13L);
    expect_close("dx", samples_of(dx, part * size, (part + 1) * size),
                 from_eigen(plain.backward(xs, dys)), 1e-12L);
    mean += plain.running_mean() / static_cast<double>(parts);
    var += plain.running_var() / static_cast<double>(parts);
  }
  expect_close("dgamma", from_parameters(ghost.gamma_grad()), from_parameters(plain.gamma_grad()),
               1e-12L);
  expect_close("dbeta", from_parameters(ghost.beta_grad()), from_parameters(plain.beta_grad()),
               1e-12L);
  expect_close("running_mean", from_parameters(ghost.running_mean()), from_parameters(mean),
               1e-13L);
  expect_close("running_var", from_parameters(ghost.running_var()), from_parameters(var), 1e-13L);
  EXPECT_EQ(ghost.num_batches_tracked(), 1);
}

template <int Order>
void expect_parts_by_themselves_in() {
  using Images = Eigen::Tensor<double, 4, Order>;
  using Signals = Eigen::Tensor<double, 3, Order>;
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Order>;
  for (const Index size : {1, 2, 3, 6}) {
    SCOPED_TRACE("virtual batches of " + std::to_string(size));
    expect_parts_by_themselves<Images, BatchNorm2d<double>>(3, {6, 3, 4, 5}, size,
                                                            ChannelAxis::first);
    expect_parts_by_themselves<Images, BatchNorm2d<double>>(5, {6, 3, 4, 5}, size,
                                                            ChannelAxis::last);
    expect_parts_by_themselves<Signals, BatchNorm1d<double>>(4, {6, 4, 3}, size,
                                                             ChannelAxis::first);
    if (size > 1) {
      expect_parts_by_themselves<Matrix, BatchNorm1d<double>>(7, {6, 7}, size, ChannelAxis::first);
    }
  }
}

TEST(VirtualBatches, AreNormalisedOneByOneInRowMajorMemory) {
  expect_parts_by_themselves_in<Eigen::RowMajor>();
}

TEST(VirtualBatches, AreNormalisedOneByOneInColumnMajorMemory) {
  expect_parts_by_themselves_in<Eigen::ColMajor>();
}

TEST(VirtualBatches, DoNotMatterInInference) {
  BatchNormOptions options;
  options.virtual_batch_size = 4;
  BatchNorm1d<float> norm(3, options);
  const Eigen::MatrixXf x = Eigen::MatrixXf::Random(8, 3), odd = Eigen::MatrixXf::Random(5, 3);
  norm.forward(x);
  const BatchNorm1d<float> copy = norm;
  EXPECT_EQ(copy.infer(odd).rows(), 5);
  norm.eval();
  EXPECT_EQ(norm.forward(odd), copy.infer(odd));
}

TEST(VirtualBatches, AnswerAlikeInALayerOfFixedSize) {
  BatchNormOptions options;
  options.virtual_batch_size = 2;
  BatchNorm1d<double, 3> fixed(options);
  BatchNorm1d<double> dynamic(3, options);
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(8, 3), dy = Eigen::MatrixXd::Random(8, 3);
  EXPECT_TRUE(fixed.forward(x).isApprox(dynamic.forward(x), 1e-13));
  EXPECT_TRUE(fixed.backward(x, dy).isApprox(dynamic.backward(x, dy), 1e-12));
  EXPECT_TRUE(fixed.running_var().isApprox(dynamic.running_var(), 1e-13));
  EXPECT_EQ(fixed.batch_mean().size(), 0);
}

TEST(VirtualBatches, MustDivideTheBatchAndHaveMoreThanOneValue) {
  BatchNormOptions options;
  options.virtual_batch_size = 4;
  BatchNorm1d<float> norm(3, options);
  expect_refused(norm,
                 "BatchNorm1d(3): expected a batch that virtual_batch_size 4 divides, got (6, 3)",
                 [&] { norm.forward(Eigen::MatrixXf(Eigen::MatrixXf::Random(6, 3))); });
  options.virtual_batch_size = 1;
  BatchNorm1d<float> one(3, options);
  expect_refused(one,
                 "BatchNorm1d(3): expected more than 1 value per channel when training, got (6, 3)",
                 [&] { one.forward(Eigen::MatrixXf(Eigen::MatrixXf::Random(6, 3))); });
  options.virtual_batch_size = 0;
  expect_error<std::invalid_argument>(
      "BatchNorm1d(3): expected virtual_batch_size of at least 1, got 0",
      [&] { BatchNorm1d<float>(3, options); });
}

}  // namespace
}  // namespace eigen_norm::test
