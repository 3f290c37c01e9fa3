// SPDX-License-Identifier: MIT
#include "eigen_norm/fold/into_preceding.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <type_traits>

#include "eigen_norm/instance_norm.hpp"
#include "fold/norms.hpp"
#include "support/errors.hpp"
#include "support/linear_maps.hpp"

// y = norm(W x + b) beside y = W' x + b'.
namespace eigen_norm::test {
namespace {

using Eigen::MatrixXd;
using Eigen::MatrixXf;
using Eigen::VectorXd;
using Eigen::VectorXf;

constexpr Index outputs = 6;

// W x + b, of a weight whose outputs may run along any axis.
using LinearMap = std::function<Logical(const Logical& weight, const Values& bias)>;

BatchNorm2d<double> random_norm(bool gamma = true, bool beta = true, Real mean = 0) {
  BatchNorm2d<double> norm(outputs, batch_norm_with(gamma, beta));
  randomise(norm, mean);
  return norm;
}

template <typename Weight, typename Norm>
void expect_folds(const Norm& norm, const LinearMap& map, const Logical& weight, Index axis) {
  const Values bias = random_normal({outputs}, 3, 5).values;
  const auto folded =
      fold::into_preceding(norm, to_eigen<Weight>(weight), to_vector<VectorXd>(bias), axis);
  static_assert(std::is_same_v<decltype(folded.weight), Weight>);
  static_assert(std::is_same_v<decltype(folded.bias), VectorXd>);
  expect_close("with bias", map(from_eigen(folded.weight), from_parameters(folded.bias)),
               inferred(norm, map(weight, bias)), 1e-12L);

  const auto without = fold::into_preceding(norm, to_eigen<Weight>(weight), axis);
  static_assert(std::is_same_v<decltype(without.bias), Parameters<double>>);
  expect_close("without bias", map(from_eigen(without.weight), from_parameters(without.bias)),
               inferred(norm, map(weight, {})), 1e-12L);
}

// A tensor or matrix of either storage order, its outputs counted from the front and from the end.
template <typename Row, typename Col>
void expect_folds_everywhere(const LinearMap& map, const Logical& weight, Index axis) {
  for (const bool gamma : {true, false}) {
    for (const bool beta : {true, false}) {
      for (const Real mean : {0.0L, 1000.0L}) {
        const auto norm = random_norm(gamma, beta, mean);
        expect_folds<Row>(norm, map, weight, axis);
        expect_folds<Col>(norm, map, weight, axis - weight.rank());
      }
    }
  }
}

template <int Order>
using Tensor4 = Eigen::Tensor<double, 4, Order>;

TEST(FoldIntoPreceding, GivesTheConvolutionThatTheNormFollowed) {
  const Logical x = random_normal({2, 4, 6, 5}, 1, 0.5L);
  for (const Convolution how : {Convolution{}, Convolution{2, 1}, Convolution{1, 2, 2}}) {
    const LinearMap map = [&](const Logical& weight, const Values& bias) {
      return convolution(x, weight, bias, how);
    };
    expect_folds_everywhere<Tensor4<Eigen::RowMajor>, Tensor4<Eigen::ColMajor>>(
        map, random_normal({outputs, 4 / how.groups, 3, 2}, 2), 0);
  }
}

TEST(FoldIntoPreceding, GivesTheDepthwiseConvolution) {
  const Logical x = random_normal({2, outputs, 5, 5}, 1);
  const LinearMap map = [&](const Logical& weight, const Values& bias) {
    return convolution(x, weight, bias, {1, 1, outputs});
  };
  expect_folds_everywhere<Tensor4<Eigen::RowMajor>, Tensor4<Eigen::ColMajor>>(
      map, random_normal({outputs, 1, 3, 3}, 2), 0);
}

TEST(FoldIntoPreceding, GivesTheTransposedConvolution) {
  const Logical x = random_normal({2, 3, 4, 3}, 1);
  const LinearMap map = [&](const Logical& weight, const Values& bias) {
    return transposed_convolution(x, weight, bias, 2);
  };
  expect_folds_everywhere<Tensor4<Eigen::RowMajor>, Tensor4<Eigen::ColMajor>>(
      map, random_normal({3, outputs, 3, 2}, 2), 1);
}

TEST(FoldIntoPreceding, GivesTheConvolutionOfKeras) {
  const Logical x = random_normal({2, 4, 5, 5}, 1);
  const LinearMap map = [&](const Logical& weight, const Values& bias) {
    return convolution(x, permuted(weight, {3, 2, 0, 1}), bias);
  };
  expect_folds_everywhere<Tensor4<Eigen::RowMajor>, Tensor4<Eigen::ColMajor>>(
      map, random_normal({3, 3, 4, outputs}, 2), 3);
}

TEST(FoldIntoPreceding, GivesTheLinearLayer) {
  const Logical x = random_normal({5, 7}, 1);
  const LinearMap map = [&](const Logical& weight, const Values& bias) {
    return linear(x, weight, bias);
  };
  expect_folds_everywhere<RowMatrix<double>, ColMatrix<double>>(map, random_normal({outputs, 7}, 2),
                                                                0);
  const LinearMap transposed = [&](const Logical& weight, const Values& bias) {
    return linear(x, permuted(weight, {1, 0}), bias);
  };
  expect_folds_everywhere<RowArray<double>, ColArray<double>>(transposed,
                                                              random_normal({7, outputs}, 2), 1);
}

TEST(FoldIntoPreceding, TakesAnInstanceNormWithRunningStatistics) {
  InstanceNormOptions options;
  options.gamma = options.beta = options.track_running_stats = true;
  InstanceNorm1d<double> norm(outputs, options);
  randomise(norm, 10);
  const Logical x = random_normal({5, 7}, 1);
  expect_folds<MatrixXd>(
      norm, [&](const Logical& weight, const Values& bias) { return linear(x, weight, bias); },
      random_normal({outputs, 7}, 2), 0);
}

// Statistics in training are of what the layer gives, its bias included.
TEST(FoldIntoPreceding, LosesNothingOfABiasBesideAMeanLikeIt) {
  BatchNorm1d<double> norm(1, batch_norm_with(true, true));
  randomise(norm);
  norm.running_mean()[0] = 0x1p40;
  norm.running_var()[0] = 1;
  const double beside = 0x1p40 + 0.25;
  const auto folded =
      fold::into_preceding(norm, MatrixXd(MatrixXd::Ones(1, 1)), VectorXd::Constant(1, beside));
  const auto affine = norm.inference_affine();
  EXPECT_DOUBLE_EQ(folded.bias[0], 0.25 * affine.scale[0] + norm.beta()[0]);
}

// Every kind of matrix: what is returned owns its memory, and has the values of a plain one.
template <typename Plain>
void expect_taken(const Plain& want, const Logical& weight) {
  const auto norm = random_norm();
  const auto each = [&](auto* place) {
    std::remove_pointer_t<decltype(place)> from(weight);
    const auto& view = from.view();
    const auto folded = fold::into_preceding(norm, view);
    static_assert(
        std::is_same_v<
            std::remove_const_t<decltype(folded.weight)>,
            typename std::remove_const_t<std::remove_reference_t<decltype(view)>>::PlainObject>);
    EXPECT_TRUE((folded.weight.array() == want.array()).all());
    EXPECT_TRUE(from.is_alone());
  };
  using Other = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic,
                              Plain::IsRowMajor ? Eigen::ColMajor : Eigen::RowMajor>;
  using Array = Eigen::Array<double, Eigen::Dynamic, Eigen::Dynamic,
                             Plain::IsRowMajor ? Eigen::RowMajor : Eigen::ColMajor>;
  for_each_place(WritablePlaces<Plain, Array, Other>(), each);
  for_each_place(ReadablePlaces<Plain>(), each);
}

TEST(FoldIntoPreceding, TakesEveryKindOfMatrix) {
  const Logical weight = random_normal({outputs, 7}, 2);
  const auto want = fold::into_preceding(random_norm(), to_eigen<MatrixXd>(weight)).weight;
  expect_taken<ColMatrix<double>>(want, weight);
  expect_taken<RowMatrix<double>>(want, weight);
}

TEST(FoldIntoPreceding, TakesMapsAndExpressionsOfTensors) {
  const auto norm = random_norm();
  const Logical weight = random_normal({outputs, 2, 3, 2}, 2);
  const auto plain = to_eigen<Tensor4<Eigen::RowMajor>>(weight);
  const Values want = from_eigen(fold::into_preceding(norm, plain).weight).values;
  const auto expect_same = [&](const auto& folded) {
    static_assert(std::is_same_v<decltype(folded.weight), Tensor4<Eigen::RowMajor>>);
    EXPECT_EQ(from_eigen(folded.weight).values, want);
  };
  Mapped<Tensor4<Eigen::RowMajor>> map(weight);
  ConstMapped<Tensor4<Eigen::RowMajor>> const_map(weight);
  MappedConst<double, 4, Eigen::RowMajor> map_of_const(weight);
  expect_same(fold::into_preceding(norm, map.view()));
  expect_same(fold::into_preceding(norm, const_map.view()));
  expect_same(fold::into_preceding(norm, map_of_const.view()));
  expect_same(fold::into_preceding(norm, plain * 1.0));
  EXPECT_TRUE(map.is_alone() && const_map.is_alone());
}

TEST(FoldIntoPreceding, TakesAnyVectorForABias) {
  const auto norm = random_norm();
  const MatrixXd weight = to_eigen<MatrixXd>(random_normal({outputs, 7}, 2));
  const VectorXd bias = to_vector<VectorXd>(random_normal({outputs}, 3).values);
  const auto want = from_parameters(fold::into_preceding(norm, weight, bias).bias);
  const auto expect_same = [&](const auto& given) {
    const auto folded = fold::into_preceding(norm, weight, given);
    EXPECT_EQ(from_eigen(folded.bias).values, want);
    return folded.bias;
  };
  using Row = Eigen::RowVectorXd;
  static_assert(std::is_same_v<decltype(expect_same(bias.transpose())), Row>);
  expect_same(bias.transpose());
  expect_same(Eigen::ArrayXd(bias));
  expect_same(MatrixXd(bias));
  expect_same(Eigen::Matrix<double, outputs, 1>(bias));
  expect_same(bias.reverse().reverse());
  const Eigen::Tensor<double, 1> tensor =
      Eigen::TensorMap<const Eigen::Tensor<const double, 1>>(bias.data(), outputs);
  const Eigen::Tensor<double, 1> same = expect_same(tensor);
  EXPECT_EQ(same.dimension(0), outputs);
  expect_same(Eigen::Tensor<double, 4>(
      tensor.reshape(Eigen::array<Index, 4>{1, outputs, 1, 1})));  // as ONNX broadcasts
}

TEST(FoldIntoPreceding, KeepsFixedSizes) {
  BatchNorm1d<float, 3> norm;
  randomise(norm);
  const Eigen::Matrix<float, 3, 5> weight = Eigen::Matrix<float, 3, 5>::Random();
  const auto folded = fold::into_preceding(norm, weight, Eigen::Vector3f(1, 2, 3));
  static_assert(std::is_same_v<decltype(folded.weight), Eigen::Matrix<float, 3, 5>>);
  static_assert(std::is_same_v<decltype(folded.bias), Eigen::Vector3f>);
  const auto dynamic =
      fold::into_preceding(norm, MatrixXf(weight), VectorXf(Eigen::Vector3f(1, 2, 3)));
  EXPECT_TRUE(folded.weight == dynamic.weight && folded.bias == dynamic.bias);
}

// The same numbers in a wider type give what is rounded.
TEST(FoldIntoPreceding, RoundsOnceToTheWeightsScalar) {
  BatchNorm1d<float> norm(outputs, batch_norm_with(true, true));
  randomise(norm, 100);
  const MatrixXf weight = to_eigen<MatrixXf>(random_normal({outputs, 500}, 2));
  const VectorXf bias = to_vector<VectorXf>(random_normal({outputs}, 3, 100).values);
  const auto in_double =
      fold::into_preceding(norm, MatrixXd(weight.cast<double>()), VectorXd(bias.cast<double>()));
  const auto in_float = fold::into_preceding(norm, weight, bias);
  EXPECT_TRUE(in_float.weight == in_double.weight.cast<float>());
  EXPECT_TRUE(in_float.bias == in_double.bias.cast<float>());
  const auto mixed = fold::into_preceding(norm, weight, VectorXd(bias.cast<double>()));
  EXPECT_TRUE(mixed.weight == in_float.weight && mixed.bias == in_double.bias);
}

template <typename Half>
void expect_rounded_once() {
  using Weight = Eigen::Matrix<Half, Eigen::Dynamic, Eigen::Dynamic>;
  BatchNorm1d<Half> norm(outputs, batch_norm_with(true, true));
  randomise(norm, 10);
  const Weight weight = to_eigen<Weight>(random_normal({outputs, 50}, 2));
  const auto folded = fold::into_preceding(norm, weight);
  static_assert(std::is_same_v<decltype(folded.bias), Parameters<Half>>);
  const auto in_double = fold::into_preceding(norm, MatrixXd(weight.template cast<double>()));
  const auto half = [](double value) { return kernels::rounded<Half>(value); };
  EXPECT_TRUE(folded.weight == in_double.weight.unaryExpr(half));
  EXPECT_TRUE((folded.bias == in_double.bias.unaryExpr(half)).all());
}

TEST(FoldIntoPreceding, RoundsOnceTo16Bits) {
  expect_rounded_once<Eigen::half>();
  expect_rounded_once<Eigen::bfloat16>();
}

template <typename OfNorm, typename OfWeight>
void expect_long_double() {
  BatchNorm1d<OfNorm> norm(outputs, batch_norm_with(true, true));
  randomise(norm);
  const auto weight = to_eigen<ColMatrix<OfWeight>>(random_normal({outputs, 3}, 2));
  const auto bias = Eigen::Array<long double, Eigen::Dynamic, 1>::Constant(outputs, 0.1L);
  const auto folded = fold::into_preceding(norm, weight, bias);
  using Wide = Eigen::Array<long double, Eigen::Dynamic, 1>;
  const auto wide = [](const auto& values) -> Wide { return values.template cast<long double>(); };
  const auto eps = static_cast<long double>(norm.options().eps);
  const Wide scale = wide(norm.gamma()) / (wide(norm.running_var()) + eps).sqrt();
  const ColMatrix<long double> scaled =
      scale.matrix().asDiagonal() * weight.template cast<long double>();
  constexpr auto ulp = static_cast<long double>(std::numeric_limits<OfWeight>::epsilon());
  EXPECT_TRUE(folded.weight.template cast<long double>().isApprox(scaled, ulp));
  EXPECT_TRUE(
      folded.bias.isApprox((bias - wide(norm.running_mean())) * scale + wide(norm.beta()), 1e-18L));
}

TEST(FoldIntoPreceding, ComputesInLongDoubleWhereOneOfThemIs) {
  if (std::numeric_limits<long double>::digits <= std::numeric_limits<double>::digits) GTEST_SKIP();
  expect_long_double<long double, long double>();
  expect_long_double<long double, double>();
  expect_long_double<double, float>();
}

TEST(FoldIntoPreceding, IsOfInferenceWhateverTheModeAndLeavesTheNormAlone) {
  auto norm = random_norm();
  const MatrixXd weight = to_eigen<MatrixXd>(random_normal({outputs, 3}, 2));
  const Values before = visible_state(norm);
  const auto training = fold::into_preceding(norm, weight);
  EXPECT_EQ(visible_state(norm), before);
  norm.eval();
  EXPECT_TRUE(fold::into_preceding(norm, weight).weight == training.weight);
}

TEST(FoldIntoPreceding, GivesWhatIEEESaysOfNumbersThatAreNotFinite) {
  auto norm = random_norm();
  const double infinity = std::numeric_limits<double>::infinity();
  norm.gamma()[0] = infinity;
  norm.running_mean()[1] = -infinity;
  norm.beta()[2] = std::numeric_limits<double>::quiet_NaN();
  const auto folded = fold::into_preceding(norm, MatrixXd(MatrixXd::Ones(outputs, 2)));
  EXPECT_EQ(folded.weight(0, 1), infinity);
  EXPECT_EQ(std::abs(folded.bias[1]), infinity);
  EXPECT_TRUE(std::isnan(folded.bias[2]));
  EXPECT_TRUE(folded.weight.bottomRows(outputs - 1).allFinite());
  EXPECT_TRUE(folded.bias.tail(outputs - 3).isFinite().all());
}

TEST(FoldIntoPreceding, RefusesOtherSizes) {
  const BatchNorm2d<float> norm(64);
  Eigen::Tensor<float, 4, Eigen::RowMajor> weight(32, 3, 3, 3), fits(64, 3, 3, 3);
  weight.setZero();
  fits.setZero();
  expect_refused(norm,
                 "BatchNorm2d(64): expected a weight with 64 outputs on axis 0, got (32, 3, 3, 3)",
                 [&] { fold::into_preceding(norm, weight); });
  expect_refused(norm,
                 "BatchNorm2d(64): expected a weight with 64 outputs on axis 3, got (64, 3, 3, 3)",
                 [&] { fold::into_preceding(norm, fits, -1); });
  for (const Index axis : {4, -5}) {
    expect_refused(
        norm, "BatchNorm2d(64): expected an output axis from -4 to 3, got " + std::to_string(axis),
        [&] { fold::into_preceding(norm, fits, axis); });
  }
  expect_refused(norm, "BatchNorm2d(64): expected a bias of 64 values, got (32, 1)",
                 [&] { fold::into_preceding(norm, fits, VectorXf(VectorXf::Zero(32))); });
  expect_refused(norm, "BatchNorm2d(64): expected a bias of 64 values, got (8, 8)",
                 [&] { fold::into_preceding(norm, fits, MatrixXf(MatrixXf::Zero(8, 8))); });
}

TEST(FoldIntoPreceding, RefusesANormWithoutRunningStatistics) {
  const InstanceNorm2d<float> norm(4);
  expect_refused<std::logic_error>(
      norm,
      "InstanceNorm2d(4): inference_affine needs running statistics, but track_running_stats is "
      "false",
      [&] { fold::into_preceding(norm, MatrixXf(MatrixXf::Zero(4, 2))); });
}

}  // namespace
}  // namespace eigen_norm::test
