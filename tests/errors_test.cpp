// SPDX-License-Identifier: MIT
#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <string>

#include "eigen_norm/eigen_norm.hpp"

// Every misuse that is found at run time, by its whole message; afterwards the layer is what it
// was.
namespace eigen_norm::test {
namespace {

using Eigen::MatrixXf;
using Tensor3 = Eigen::Tensor<float, 3>;
using Tensor4 = Eigen::Tensor<float, 4, Eigen::RowMajor>;
using std::invalid_argument;
using std::logic_error;

constexpr float mark = -77;

MatrixXf marked(Index rows, Index cols) { return MatrixXf::Constant(rows, cols, mark); }

BatchNorm1d<float> trained(const BatchNormOptions& options = {}) {
  BatchNorm1d<float> norm(4, options);
  norm.forward(MatrixXf::Random(6, 4));
  return norm;
}

TEST(Construction, RefusesSizesBelowOne) {
  expect_error<invalid_argument>("BatchNorm1d: expected num_features of at least 1, got 0",
                                 [] { BatchNorm1d<float>(0); });
  expect_error<invalid_argument>("BatchNorm2d: expected num_features of at least 1, got -3",
                                 [] { BatchNorm2d<float>(-3); });
  expect_error<invalid_argument>("GroupNorm: expected num_channels of at least 1, got 0",
                                 [] { GroupNorm<float>(1, 0); });
  expect_error<invalid_argument>("GroupNorm: expected num_groups of at least 1, got 0",
                                 [] { GroupNorm<float>(0, 4); });
  expect_error<invalid_argument>(
      "LayerNorm: expected every dimension of normalized_shape of at least 1, got 0", [] {
        LayerNorm<float>({3, 0});
      });
  expect_error<invalid_argument>(
      "LayerNorm: expected normalized_shape of at least 1 dimension, got ()",
      [] { LayerNorm<float>(std::vector<Index>()); });
}

TEST(Construction, RefusesGroupsThatDoNotDivideTheChannels) {
  expect_error<invalid_argument>(
      "GroupNorm: expected num_channels divisible by num_groups, got 10 channels in 4 groups",
      [] { GroupNorm<float>(4, 10); });
  expect_error<invalid_argument>(
      "GroupNorm: expected num_channels divisible by num_groups, got 4 channels in 8 groups",
      [] { GroupNorm<float>(8, 4); });
}

TEST(Construction, RefusesAnEpsThatIsNegativeOrNoNumber) {
  BatchNormOptions batch;
  batch.eps = -0.5;
  expect_error<invalid_argument>("BatchNorm2d: expected eps >= 0 and finite, got -0.5",
                                 [&] { BatchNorm2d<float>(4, batch); });
  LayerNormOptions layer;
  layer.eps = std::numeric_limits<double>::quiet_NaN();
  expect_error<invalid_argument>("LayerNorm: expected eps >= 0 and finite, got nan",
                                 [&] { LayerNorm<float>(4, layer); });
  GroupNormOptions group;
  group.eps = std::numeric_limits<double>::infinity();
  expect_error<invalid_argument>("GroupNorm: expected eps >= 0 and finite, got inf",
                                 [&] { GroupNorm<float>(2, 4, group); });
  group.eps = 0;
  EXPECT_EQ((GroupNorm<float>(2, 4, group).options().eps), 0);
}

TEST(Construction, RefusesAnotherSizeThanTheOneFixedAtCompileTime) {
  expect_error<invalid_argument>(
      "BatchNorm1d: expected num_features 4, fixed at compile time, got 5",
      [] { BatchNorm1d<float, 4>(5); });
  expect_error<invalid_argument>("GroupNorm: expected num_channels 4, fixed at compile time, got 6",
                                 [] { GroupNorm<float, 4>(2, 6); });
  expect_error<invalid_argument>(
      "LayerNorm: expected normalized_shape 4, fixed at compile time, got 5",
      [] { LayerNorm<float, 4>(Index{5}); });
  expect_error<invalid_argument>(
      "LayerNorm: expected 1 dimension of 4, fixed at compile time, got (2, 2)", [] {
        LayerNorm<float, 4>({2, 2});
      });
}

// The square of `half` is one too many for an Index.
constexpr Index half = Index{1} << (sizeof(Index) * 4);

TEST(Construction, RefusesMoreElementsThanAnIndexCounts) {
  const std::string h = std::to_string(half);
  expect_error<invalid_argument>(
      "LayerNorm: expected normalized_shape of a size within Index, got (" + h + ", " + h + ")",
      [] {
        LayerNorm<float>({half, half});
      });
  expect_error<invalid_argument>(
      "RMSNorm: expected normalized_shape of a size within Index, got (" + h + ", " + h + ", 3)",
      [] {
        RMSNorm<float>({half, half, 3});
      });
}

// Maps of no memory, for nothing is read: a shape that no memory can have.
TEST(Input, OfMoreElementsThanAnIndexCountsIsRefused) {
  const Eigen::TensorMap<const Tensor4> endless(nullptr, 0, 4, half, half);
  const std::string got = "(0, 4, " + std::to_string(half) + ", " + std::to_string(half) + ")";

  BatchNorm2d<float> batch(4);
  expect_refused(batch, "BatchNorm2d(4): expected input of a size within Index, got " + got,
                 [&] { batch.forward(endless); });
  expect_refused(batch, "BatchNorm2d(4): expected input of a size within Index, got " + got,
                 [&] { batch.infer(endless); });
  expect_refused(batch, "BatchNorm2d(4): expected input of a size within Index, got " + got,
                 [&] { batch.batch_statistics(endless); });
  const Tensor4 x(0, 4, 2, 2);
  batch.forward(x);
  expect_refused(batch, "BatchNorm2d(4): expected dy of a size within Index, got " + got,
                 [&] { batch.backward(x, endless); });

  GroupNorm<float> group(2, 4);
  expect_refused(group, "GroupNorm(2, 4): expected input of a size within Index, got " + got,
                 [&] { group.forward(endless); });
  LayerNorm<float> layer(4);
  expect_refused(layer, "LayerNorm(4): expected input of a size within Index, got " + got,
                 [&] { layer.forward(endless); });
}

TEST(Input, OfAnotherShapeIsRefusedByEveryLayer) {
  BatchNorm2d<float> batch2d(64);
  expect_refused(batch2d, "BatchNorm2d(64): expected input (N, 64, H, W), got (32, 3, 28, 28)",
                 [&] { batch2d.forward(Tensor4(32, 3, 28, 28)); });
  BatchNormOptions last;
  last.channels = ChannelAxis::last;
  BatchNorm2d<float> batch_last(3, last);
  expect_refused(batch_last, "BatchNorm2d(3): expected input (N, H, W, 3), got (2, 3, 5, 6)",
                 [&] { batch_last.infer(Tensor4(2, 3, 5, 6)); });
  BatchNorm1d<float> batch1d = trained();
  expect_refused(batch1d, "BatchNorm1d(4): expected input (N, 4), got (4, 5)",
                 [&] { batch1d.forward(MatrixXf(4, 5)); });
  expect_refused(batch1d, "BatchNorm1d(4): expected input (N, 4, L), got (4, 5, 4)",
                 [&] { batch1d.forward(Tensor3(4, 5, 4)); });
  LayerNorm<float> layer({5, 6});
  expect_refused(layer, "LayerNorm({5, 6}): expected input (..., 5, 6), got (2, 6, 5)",
                 [&] { layer.forward(Tensor3(2, 6, 5)); });
  expect_refused(layer, "LayerNorm({5, 6}): expected input (..., 5, 6), got (6)",
                 [&] { layer.infer(Eigen::Tensor<float, 1>(6)); });
  GroupNorm<float> group(2, 4);
  expect_refused(group, "GroupNorm(2, 4): expected input (N, 4, ...), got (4, 3, 4)",
                 [&] { group.forward(Tensor3(4, 3, 4)); });
  expect_refused(group, "GroupNorm(2, 4): expected input (N, 4), got (4, 3)",
                 [&] { group.forward(MatrixXf(4, 3)); });
  GroupNormOptions group_last;
  group_last.channels = ChannelAxis::last;
  const GroupNorm<float> channels_last(2, 4, group_last);
  expect_refused(channels_last, "GroupNorm(2, 4): expected input (N, ..., 4), got (2, 4, 3)",
                 [&] { channels_last.infer(Tensor3(2, 4, 3)); });
}

TEST(Input, ThatIsAColumnVectorIsPointedToTranspose) {
  const std::string hint =
      ", got (4, 1); a column vector is 4 samples of one feature, use .transpose() for one sample";
  const Eigen::VectorXf x = Eigen::VectorXf::Random(4);
  const LayerNorm<float> layer(4);
  expect_refused(layer, "LayerNorm(4): expected input (..., 4)" + hint, [&] { layer.infer(x); });
  const BatchNorm1d<float> batch(4);
  expect_refused(batch, "BatchNorm1d(4): expected input (N, 4)" + hint, [&] { batch.infer(x); });
  const GroupNorm<float> group(2, 4);
  expect_refused(group, "GroupNorm(2, 4): expected input (N, 4)" + hint, [&] { group.infer(x); });
  EXPECT_EQ(dims_of(layer.infer(x.transpose())), (Dims{1, 4}));
  EXPECT_EQ(dims_of(BatchNorm1d<float>(1).forward(x)), (Dims{4, 1}));
}

TEST(Input, OfOneValuePerChannelIsRefusedWhereTheBatchDecides) {
  BatchNorm1d<float> norm = trained();
  expect_refused(norm,
                 "BatchNorm1d(4): expected more than 1 value per channel when training, got (1, 4)",
                 [&] { norm.forward(MatrixXf(1, 4)); });
  EXPECT_EQ(norm.infer(marked(1, 4)).rows(), 1);
  norm.eval();
  EXPECT_EQ(norm.forward(marked(1, 4)).rows(), 1);

  BatchNorm2d<float> image(3);
  expect_refused(
      image,
      "BatchNorm2d(3): expected more than 1 value per channel when training, got (1, 3, 1, 1)",
      [&] { image.forward(Tensor4(1, 3, 1, 1)); });

  BatchNormOptions untracked;
  untracked.track_running_stats = false;
  BatchNorm1d<float> own = trained(untracked);
  own.eval();
  const std::string message =
      "BatchNorm1d(4): expected more than 1 value per channel without running statistics, got "
      "(1, 4)";
  expect_refused(own, message, [&] { own.forward(MatrixXf(1, 4)); });
  expect_refused(own, message, [&] { own.infer(MatrixXf(1, 4)); });
}

TEST(Output, OfAnotherShapeIsRefusedWhenItIsAView) {
  BatchNorm1d<float> norm = trained();
  const MatrixXf x = MatrixXf::Random(6, 4);
  MatrixXf all = marked(8, 8);
  const std::string message = "BatchNorm1d(4): expected output (6, 4), got (5, 4)";
  expect_refused(norm, message, [&] { norm.forward(x, all.topLeftCorner(5, 4)); });
  expect_refused(norm, message, [&] { norm.infer(x, all.topLeftCorner(5, 4)); });
  Eigen::Matrix<float, 5, 4> fixed = marked(5, 4);
  expect_refused(norm, message, [&] { norm.forward(x, fixed); });
  EXPECT_EQ(all, marked(8, 8));
  EXPECT_EQ(fixed, marked(5, 4));

  Tensor3 small(2, 4, 2);
  expect_refused(norm, "BatchNorm1d(4): expected output (2, 4, 3), got (2, 4, 2)", [&] {
    norm.infer(Tensor3(2, 4, 3), Eigen::TensorMap<Tensor3>(small.data(), 2, 4, 2));
  });
  norm.forward(x);
  expect_refused(norm, "BatchNorm1d(4): expected dx (6, 4), got (4, 6)",
                 [&] { norm.backward(x, x, all.topLeftCorner(4, 6)); });
}

TEST(Output, ThatOwnsItsMemoryTakesTheShape) {
  BatchNorm1d<float> norm = trained();
  const MatrixXf x = MatrixXf::Random(6, 4);
  MatrixXf y = marked(2, 3), dx;
  norm.forward(x, y);
  norm.backward(x, y, dx);
  EXPECT_EQ(dims_of(y), (Dims{6, 4}));
  EXPECT_EQ(dims_of(dx), (Dims{6, 4}));
  Tensor3 z(1, 1, 1);
  norm.infer(Tensor3(2, 4, 3), z);
  EXPECT_EQ(dims_of(z), (Dims{2, 4, 3}));
}

TEST(Output, WithAnInnerStrideIsRefused) {
  LayerNorm<float> norm(4);
  const MatrixXf x = MatrixXf::Random(3, 4);
  MatrixXf all = marked(6, 4);
  Eigen::Map<MatrixXf, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>> every_second(all.data(), 3,
                                                                                      4, {6, 2});
  const std::string message =
      "LayerNorm(4): expected output with adjacent elements, got a view with an inner stride";
  expect_refused(norm, message, [&] { norm.forward(x, every_second); });
  expect_refused(norm, message, [&] { norm.infer(x, every_second); });
  const Eigen::RowVectorXf row = x.row(0);
  expect_refused(norm, message, [&] { norm.forward(row, all.row(0)); });
  norm.forward(x);
  expect_refused(
      norm, "LayerNorm(4): expected dx with adjacent elements, got a view with an inner stride",
      [&] { norm.backward(x, x, every_second); });
  EXPECT_EQ(all, marked(6, 4));
}

template <typename Matrix>
void expect_overlap_refused() {
  LayerNorm<float> norm(4);
  Matrix all = MatrixXf::Random(8, 8);
  const Matrix before = all;
  const auto x = all.block(1, 1, 5, 4);
  norm.forward(x);
  const std::string end = " that is exactly an input or apart from it, got a partial overlap";
  for (const auto& corner : {std::pair<Index, Index>{1, 2}, {2, 1}, {0, 0}, {3, 4}, {1, 4}}) {
    const auto at = [&] { return all.block(corner.first, corner.second, 5, 4); };
    expect_refused(norm, "LayerNorm(4): expected output" + end, [&] { norm.forward(x, at()); });
    expect_refused(norm, "LayerNorm(4): expected output" + end, [&] { norm.infer(x, at()); });
    expect_refused(norm, "LayerNorm(4): expected dx" + end,
                   [&] { norm.backward(x, Matrix(x), at()); });
    expect_refused(norm, "LayerNorm(4): expected dx" + end,
                   [&] { norm.backward(Matrix(x), x, at()); });
  }
  EXPECT_EQ(all, before);
}

TEST(Output, ThatOverlapsAnInputInPartIsRefused) {
  expect_overlap_refused<ColMatrix<float>>();
  expect_overlap_refused<RowMatrix<float>>();
}

TEST(Output, ThatSharesMemoryInAnotherShapeIsRefused) {
  const LayerNorm<float> norm(4);
  MatrixXf y = marked(4, 8);
  const std::string message =
      "LayerNorm(4): expected output that is exactly an input or apart from it, got a partial "
      "overlap";
  expect_refused(norm, message, [&] { norm.infer(Eigen::Map<MatrixXf>(y.data(), 8, 4), y); });
  std::vector<float> memory(50, mark);
  const Eigen::TensorMap<Tensor3> x(memory.data(), 3, 4, 4);
  expect_refused(norm, message,
                 [&] { norm.infer(x, Eigen::TensorMap<Tensor3>(memory.data() + 1, 3, 4, 4)); });
  EXPECT_EQ(y, marked(4, 8));
  EXPECT_EQ(memory, std::vector<float>(50, mark));
}

// Halves of one matrix interleave in memory and yet have no element in common.
template <typename Matrix>
void expect_halves_allowed() {
  LayerNorm<float> norm(4);
  const Matrix start = MatrixXf::Random(8, 8);
  Matrix all = start;
  const Matrix left = norm.infer(start.leftCols(4));
  norm.infer(all.leftCols(4), all.rightCols(4));
  EXPECT_EQ(all.rightCols(4), left);
  EXPECT_EQ(all.leftCols(4), start.leftCols(4));

  all = start;
  norm.forward(all.block(0, 4, 4, 4), all.block(4, 4, 4, 4));
  EXPECT_EQ(all.block(4, 4, 4, 4), norm.infer(start.block(0, 4, 4, 4)));
  norm.backward(all.block(0, 4, 4, 4), all.block(4, 4, 4, 4), all.block(0, 0, 4, 4));
  EXPECT_EQ(all.block(0, 4, 4, 4), start.block(0, 4, 4, 4));
}

TEST(Output, MayBeTheOtherHalfOfTheMatrixThatHoldsTheInput) {
  expect_halves_allowed<ColMatrix<float>>();
  expect_halves_allowed<RowMatrix<float>>();
}

template <typename Layer>
void expect_backward_refusals(Layer norm, const std::string& name) {
  const MatrixXf x = MatrixXf::Random(6, 4);
  MatrixXf dx = marked(6, 4);
  expect_refused<logic_error>(norm, name + ": backward needs a forward before it",
                              [&] { norm.backward(x, x, dx); });
  norm.infer(x);
  expect_refused<logic_error>(norm, name + ": backward needs a forward before it",
                              [&] { norm.backward(x, x); });
  norm.forward(x);
  const MatrixXf right = norm.backward(x, x);
  expect_refused(norm, name + ": expected x of the last forward (6, 4), got (5, 4)",
                 [&] { norm.backward(MatrixXf(5, 4), x, dx); });
  expect_refused(norm, name + ": expected x of the last forward (6, 4), got (3, 4, 2)",
                 [&] { norm.backward(Tensor3(3, 4, 2), Tensor3(3, 4, 2)); });
  expect_refused(norm, name + ": expected dy (6, 4), got (4, 6)",
                 [&] { norm.backward(x, MatrixXf(4, 6), dx); });
  EXPECT_EQ(dx, marked(6, 4));
  EXPECT_EQ(norm.backward(x, x), right);
  expect_error<invalid_argument>(name + ": expected input (N, 4), got (6, 5)",
                                 [&] { norm.forward(MatrixXf(6, 5)); });
  EXPECT_EQ(norm.backward(x, x), right);
}

TEST(Backward, IsRefusedWithoutAForwardOrWithAnotherShape) {
  expect_backward_refusals(BatchNorm1d<float>(4), "BatchNorm1d(4)");
  expect_backward_refusals(GroupNorm<float>(2, 4), "GroupNorm(2, 4)");
  LayerNorm<float> layer(4);
  const MatrixXf x = MatrixXf::Random(6, 4);
  expect_refused<logic_error>(layer, "LayerNorm(4): backward needs a forward before it",
                              [&] { layer.backward(x, x); });
}

TEST(Parameters, OfAnotherSizeAreRefused) {
  const MatrixXf x = MatrixXf::Random(6, 4);
  const std::string end =
      ": expected gamma, beta and their gradients of 4 values each, got one of another size";
  BatchNorm1d<float> batch = trained();
  batch.gamma() = Eigen::ArrayXf::Ones(3);
  expect_refused(batch, "BatchNorm1d(4)" + end, [&] { batch.forward(x); });
  expect_refused(batch, "BatchNorm1d(4)" + end, [&] { batch.infer(x); });
  expect_refused(batch, "BatchNorm1d(4)" + end, [&] { batch.backward(x, x); });
  LayerNorm<float> layer(4);
  layer.beta() = Eigen::ArrayXf::Ones(5);
  expect_refused(layer, "LayerNorm(4)" + end, [&] { layer.forward(x); });
  GroupNorm<float> group(2, 4);
  group.forward(x);
  group.gamma_grad().resize(0);
  expect_refused(group, "GroupNorm(2, 4)" + end, [&] { group.backward(x, x); });

  BatchNorm1d<float> running = trained();
  running.running_var() = Eigen::ArrayXf::Ones(2);
  expect_refused(
      running,
      "BatchNorm1d(4): expected running_mean and running_var of 4 values each, got 4 and 2",
      [&] { running.infer(x); });
}

TEST(Freeze, NeedsRunningStatistics) {
  BatchNormOptions options;
  options.track_running_stats = false;
  BatchNorm1d<float> norm(4, options);
  expect_refused<logic_error>(
      norm, "BatchNorm1d(4): freeze needs running statistics, but track_running_stats is false",
      [&] { norm.freeze(); });
}

}  // namespace
}  // namespace eigen_norm::test
