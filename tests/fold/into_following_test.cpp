// SPDX-License-Identifier: MIT
#include "eigen_norm/fold/into_following.hpp"

#include <gtest/gtest.h>

#include <type_traits>

#include "eigen_norm/instance_norm.hpp"
#include "eigen_norm/layer_norm.hpp"
#include "eigen_norm/rms_norm.hpp"
#include "fold/norms.hpp"
#include "support/errors.hpp"
#include "support/linear_maps.hpp"
#include "support/shapes.hpp"

// y = W norm(x) + b beside y = W' x + b', or W' of the bare norm of x.
namespace eigen_norm::test {
namespace {

using Eigen::MatrixXd;
using Eigen::MatrixXf;
using Eigen::VectorXd;
using Eigen::VectorXf;

constexpr Index outputs = 5;

// `folded_input` is what W' is for, `normalised` what W was for: (N, inputs) both.
template <typename Weight, typename Norm>
void expect_folds(const Norm& norm, const Logical& folded_input, const Logical& normalised,
                  bool transposed) {
  const Logical weight = random_normal({outputs, normalised.dims[1]}, 2);
  const Values bias = random_normal({outputs}, 3).values;
  const auto turned = [&](const Logical& w) { return transposed ? permuted(w, {1, 0}) : w; };
  const Weight given = to_eigen<Weight>(turned(weight));
  const auto expect_same = [&](const char* what, const auto& folded, const Values& old_bias) {
    static_assert(std::is_same_v<decltype(folded.weight), Weight>);
    const Logical w = turned(from_eigen(folded.weight));
    expect_close(what, linear(folded_input, w, from_parameters(folded.bias)),
                 linear(normalised, weight, old_bias), 1e-12L);
  };
  const VectorXd old_bias = to_vector<VectorXd>(bias);
  for (const Index axis : {transposed ? 0 : 1, transposed ? -2 : -1}) {
    expect_same("with bias", fold::into_following(norm, given, old_bias, axis), bias);
    expect_same("without bias", fold::into_following(norm, given, axis), {});
  }
}

// Both storage orders, as matrices and as tensors, (O, I) and (I, O).
template <typename Norm>
void expect_folds_everywhere(const Norm& norm, const Logical& folded_input,
                             const Logical& normalised) {
  for (const bool transposed : {false, true}) {
    expect_folds<RowMatrix<double>>(norm, folded_input, normalised, transposed);
    expect_folds<ColArray<double>>(norm, folded_input, normalised, transposed);
    expect_folds<Eigen::Tensor<double, 2>>(norm, folded_input, normalised, transposed);
    expect_folds<Eigen::Tensor<double, 2, Eigen::RowMajor>>(norm, folded_input, normalised,
                                                            transposed);
  }
}

Logical flat(const Logical& x) { return reshaped(x, {x.dims[0], x.size() / x.dims[0]}); }

TEST(FoldIntoFollowing, GivesTheLinearLayerThatFollowedTheNorm) {
  const Logical x = random_normal({4, 6}, 1, 0.5L);
  for (const bool gamma : {true, false}) {
    for (const bool beta : {true, false}) {
      for (const Real mean : {0.0L, 100.0L}) {
        BatchNorm1d<double> norm(6, batch_norm_with(gamma, beta));
        randomise(norm, mean);
        expect_folds_everywhere(norm, x, inferred(norm, x));
      }
    }
  }
}

TEST(FoldIntoFollowing, TakesTheInputsOfAFlattenedImageInEitherOrder) {
  const Logical image = random_normal({3, 4, 2, 5}, 1);  // (N, C, H, W)
  const Logical channels_last = permuted(image, order_with_channels_last(4));
  BatchNorm2d<double> first(4, batch_norm_with(true, true));
  randomise(first);
  expect_folds_everywhere(first, flat(image), flat(inferred(first, image)));
  BatchNorm2d<double> last(4, batch_norm_with(true, true, ChannelAxis::last));
  randomise(last);
  expect_folds_everywhere(last, flat(channels_last), flat(inferred(last, channels_last, 3)));
}

TEST(FoldIntoFollowing, TakesAConvolutionWithoutPaddingAsAMatrix) {
  BatchNorm2d<double> norm(4, batch_norm_with(true, true));
  randomise(norm);
  const Logical x = random_normal({2, 4, 5, 6}, 1), weight = random_normal({outputs, 4, 3, 2}, 2);
  const Logical matrix = reshaped(weight, {outputs, 4 * 3 * 2});
  const auto folded = fold::into_following(norm, to_eigen<RowMatrix<double>>(matrix));
  const Logical kernels = reshaped(from_eigen(folded.weight), weight.dims);
  expect_close("y", convolution(x, kernels, from_parameters(folded.bias)),
               convolution(inferred(norm, x), weight, {}), 1e-12L);
}

TEST(FoldIntoFollowing, TakesAnInstanceNormWithRunningStatistics) {
  InstanceNormOptions options;
  options.gamma = options.beta = options.track_running_stats = true;
  InstanceNorm1d<double> norm(4, options);
  randomise(norm);
  const Logical x = random_normal({3, 4, 7}, 1);
  expect_folds_everywhere(norm, flat(x), flat(inferred(norm, x)));
}

TEST(FoldIntoFollowing, TakesGammaAndBetaOfALayerNorm) {
  const Logical x = random_normal({5, 3, 4}, 1, 7);
  for_each_affine(12, [&](const Affine& affine) {
    LayerNormOptions options;
    options.gamma = !affine.gamma.empty();
    options.beta = !affine.beta.empty();
    LayerNorm<double> norm({3, 4}, options);
    set_affine(norm, affine);
    const Real eps = Real(options.eps);
    expect_folds_everywhere(norm, flat(layer_norm(x, x, {}, eps, 2).y),
                            flat(layer_norm(x, x, affine, eps, 2).y));
  });
}

TEST(FoldIntoFollowing, TakesGammaOfAnRmsNorm) {
  const Logical x = random_normal({5, 8}, 1, 7);
  const Values gamma = random_gamma(8, 2);
  RMSNormOptions options;
  options.eps = 1e-6;
  for (const bool zero_centered : {false, true}) {
    options.zero_centered_gamma = zero_centered;
    RMSNorm<double, 8> norm(options);
    Values scale = gamma;
    if (zero_centered) {
      for (Real& value : scale) value += 1;
    }
    copy_to_parameters(gamma, norm.gamma());
    expect_folds_everywhere(norm, rms_norm(x, x, {}, 1e-6).y, rms_norm(x, x, {scale, {}}, 1e-6).y);
  }
  options.gamma = false;
  const Logical bare = rms_norm(x, x, {}, 1e-6).y;
  expect_folds_everywhere(RMSNorm<double>(8, options), bare, bare);
}

template <typename Half>
void expect_rounded_once() {
  using Weight = Eigen::Matrix<Half, Eigen::Dynamic, Eigen::Dynamic>;
  BatchNorm1d<Half> norm(6, batch_norm_with(true, true));
  randomise(norm);
  const Weight weight = to_eigen<Weight>(random_normal({outputs, 60}, 2));
  const auto folded = fold::into_following(norm, weight);
  const auto in_double = fold::into_following(norm, MatrixXd(weight.template cast<double>()));
  const auto half = [](double value) { return kernels::rounded<Half>(value); };
  EXPECT_TRUE(folded.weight == in_double.weight.unaryExpr(half));
  EXPECT_TRUE((folded.bias == in_double.bias.unaryExpr(half)).all());
}

// The same numbers in a wider type give what is rounded.
TEST(FoldIntoFollowing, RoundsOnceToTheScalarsOfWeightAndBias) {
  expect_rounded_once<float>();
  expect_rounded_once<Eigen::half>();
  expect_rounded_once<Eigen::bfloat16>();
  LayerNorm<Eigen::half> norm(6);
  copy_to_parameters(random_gamma(6, 4), norm.gamma());
  copy_to_parameters(random_beta(6, 5), norm.beta());
  const MatrixXf weight = to_eigen<MatrixXf>(random_normal({outputs, 6}, 2));
  const VectorXd bias = to_vector<VectorXd>(random_normal({outputs}, 3).values);
  const auto mixed = fold::into_following(norm, weight, bias);
  const auto in_double = fold::into_following(norm, MatrixXd(weight.cast<double>()), bias);
  EXPECT_TRUE(mixed.weight == in_double.weight.cast<float>());
  EXPECT_TRUE(mixed.bias == in_double.bias);
}

// 1 + gamma in float is 1.
TEST(FoldIntoFollowing, AddsOneToAZeroCentredGammaInDouble) {
  RMSNormOptions options;
  options.zero_centered_gamma = true;
  RMSNorm<float> norm(1, options);
  norm.gamma()[0] = 0x1p-30F;
  EXPECT_EQ(fold::into_following(norm, MatrixXd(MatrixXd::Ones(1, 1))).weight(0, 0), 1 + 0x1p-30);
}

TEST(FoldIntoFollowing, KeepsFixedSizesAndLeavesTheNormAlone) {
  BatchNorm1d<float, 3> norm;
  randomise(norm);
  const Values before = visible_state(norm);
  const Eigen::Matrix<float, 2, 3> weight = Eigen::Matrix<float, 2, 3>::Random();
  const auto folded = fold::into_following(norm, weight, Eigen::RowVector2f(1, 2));
  static_assert(std::is_same_v<decltype(folded.weight), Eigen::Matrix<float, 2, 3>>);
  static_assert(std::is_same_v<decltype(folded.bias), Eigen::RowVector2f>);
  const auto dynamic =
      fold::into_following(norm, MatrixXf(weight), Eigen::VectorXf(Eigen::Vector2f(1, 2)));
  EXPECT_TRUE(folded.weight == dynamic.weight && folded.bias.transpose() == dynamic.bias);
  EXPECT_EQ(visible_state(norm), before);
}

TEST(FoldIntoFollowing, TakesViewsAndExpressions) {
  BatchNorm1d<double> norm(6, batch_norm_with(true, true));
  randomise(norm);
  const Logical weight = random_normal({outputs, 12}, 2);
  const auto want = fold::into_following(norm, to_eigen<MatrixXd>(weight));
  const auto expect_same = [&](const auto& given) {
    const auto folded = fold::into_following(norm, given);
    EXPECT_EQ(from_eigen(folded.weight).values, from_eigen(want.weight).values);
    EXPECT_TRUE((folded.bias == want.bias).all());
  };
  const auto each = [&](auto* place) {
    std::remove_pointer_t<decltype(place)> from(weight);
    expect_same(from.view());
  };
  for_each_place(WritablePlaces<RowMatrix<double>, RowArray<double>, MatrixXd>(), each);
  for_each_place(WritablePlaces<MatrixXd, ColArray<double>, RowMatrix<double>>(), each);
  for_each_place(ReadablePlaces<MatrixXd>(), each);
  expect_same(to_eigen<MatrixXd>(weight) * 1.0);
  expect_same(to_eigen<Eigen::Tensor<double, 2>>(weight) * 1.0);
}

TEST(FoldIntoFollowing, RefusesOtherSizes) {
  const BatchNorm2d<float> norm(64);
  const MatrixXf weight = MatrixXf::Zero(10, 128);
  const auto zeros = [](Index rows, Index cols) { return MatrixXf(MatrixXf::Zero(rows, cols)); };
  expect_refused(
      norm,
      "BatchNorm2d(64): expected a weight with a multiple of 64 inputs on axis 1, got (10, 100)",
      [&] { fold::into_following(norm, zeros(10, 100)); });
  expect_refused(
      norm,
      "BatchNorm2d(64): expected a weight with a multiple of 64 inputs on axis 0, got (10, 128)",
      [&] { fold::into_following(norm, weight, -2); });
  expect_refused(
      norm,
      "BatchNorm2d(64): expected a weight with a multiple of 64 inputs on axis 1, got (10, 0)",
      [&] { fold::into_following(norm, zeros(10, 0)); });
  expect_refused(norm, "BatchNorm2d(64): expected an input axis from -2 to 1, got 2",
                 [&] { fold::into_following(norm, weight, 2); });
  expect_refused(norm, "BatchNorm2d(64): expected an input axis from -2 to 1, got 2",
                 [&] { fold::into_following(norm, weight, zeros(10, 1), 2); });
  expect_refused(norm, "BatchNorm2d(64): expected a bias of 10 values, got (11, 1)",
                 [&] { fold::into_following(norm, weight, zeros(11, 1)); });
  const LayerNorm<float> rows({4, 8});
  expect_refused(rows,
                 "LayerNorm({4, 8}): expected a weight with 32 inputs on axis 1, got (10, 64)",
                 [&] { fold::into_following(rows, zeros(10, 64)); });
  expect_refused(RMSNorm<float>(8),
                 "RMSNorm(8): expected a weight with 8 inputs on axis 0, got (10, 8)",
                 [&] { fold::into_following(RMSNorm<float>(8), zeros(10, 8), 0); });
}

TEST(FoldIntoFollowing, RefusesANormThatIsNotInOrder) {
  BatchNormOptions options;
  options.track_running_stats = false;
  const BatchNorm1d<float> untracked(4, options);
  const MatrixXf weight = MatrixXf::Zero(2, 4);
  expect_refused<std::logic_error>(
      untracked,
      "BatchNorm1d(4): inference_affine needs running statistics, but track_running_stats is false",
      [&] { fold::into_following(untracked, weight); });
  LayerNorm<float> wrong(4);
  wrong.beta().resize(3);
  expect_error<std::invalid_argument>(
      "LayerNorm(4): expected gamma, beta and their gradients of 4 values each, got one of another "
      "size",
      [&] { fold::into_following(wrong, weight); });
}

}  // namespace
}  // namespace eigen_norm::test
