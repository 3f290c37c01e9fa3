// SPDX-License-Identifier: MIT
#include "eigen_norm/io/model_state.hpp"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <limits>
#include <string>
#include <vector>

#include "eigen_norm/eigen_norm.hpp"
#include "support/errors.hpp"

namespace eigen_norm {
namespace {

using io::LoadReport;
using io::ModelState;
using io::StateDict;

// A layer whose every number is another, by `seed`.
template <typename Scalar>
BatchNorm2d<Scalar> trained(Index channels, int seed) {
  BatchNorm2d<Scalar> norm(channels);
  for (Index c = 0; c < channels; ++c) {
    norm.gamma()[c] = Scalar(seed + 0.25 * static_cast<double>(c));
    norm.beta()[c] = Scalar(-seed);
    norm.running_mean()[c] = Scalar(100 * seed);
    norm.running_var()[c] = Scalar(seed * seed);
  }
  norm.num_batches_tracked() = 1000 + seed;
  return norm;
}

struct Model {
  BatchNorm2d<float> first = trained<float>(3, 1), second = trained<float>(2, 2);
  Eigen::MatrixXf weight = Eigen::MatrixXf::Random(4, 2);

  ModelState state() {
    ModelState state;
    state.add("first", first);
    state.add("second", second);
    state.add("weight", weight);
    return state;
  }
};

TEST(ModelState, LoadsWhatAnotherModelHolds) {
  Model from, to;
  from.first = trained<float>(3, 7);
  from.weight.setConstant(9);
  const LoadReport report = to.state().load(from.state().state_dict());
  EXPECT_TRUE(report.missing.empty() && report.unexpected.empty());
  EXPECT_EQ(to.first.gamma()[2], 7.5F);
  EXPECT_EQ(to.first.beta()[0], -7);
  EXPECT_EQ(to.first.running_mean()[1], 700);
  EXPECT_EQ(to.first.running_var()[1], 49);
  EXPECT_EQ(to.first.num_batches_tracked(), 1007);
  EXPECT_EQ(to.weight(3, 1), 9);
}

TEST(ModelState, ListsAllThatDoesNotFitInOneErrorAndChangesNothing) {
  Model model;
  const auto other = trained<float>(5, 3);
  const Eigen::MatrixXd too_large = Eigen::MatrixXd::Constant(4, 2, 1e39);
  const BatchNorm2d<float> second(2);
  StateDict state;
  state.add("first", other);
  state.add("second.weight", second.gamma());
  state.add("second.running_mean", second.running_mean());
  state.add("second.running_var", second.running_var());
  state.add("second.num_batches_tracked", second.running_var());
  state.add("weight", too_large);
  state.add("head.weight", too_large);
  test::expect_error<std::invalid_argument>(
      "load: the state does not fit the model\n"
      "  missing: second.bias\n"
      "  unexpected: head.weight\n"
      "  first.weight: expected (3), got (5)\n"
      "  first.bias: expected (3), got (5)\n"
      "  first.running_mean: expected (3), got (5)\n"
      "  first.running_var: expected (3), got (5)\n"
      "  second.num_batches_tracked: expected (), got (2)\n"
      "  weight: expected values within F32, got one beyond",
      [&] { model.state().load(state); });
  EXPECT_EQ(model.second.gamma()[1], 2.25F);
  EXPECT_EQ(model.first.num_batches_tracked(), 1001);
}

TEST(ModelState, LeavesWhatIsMissingWhereItIsNotStrict) {
  Model model;
  const auto second = trained<float>(2, 8);
  StateDict state;
  state.add("second", second);
  state.add("head.bias", second.beta());
  const LoadReport report = model.state().load(state, false);
  EXPECT_EQ(report.missing,
            (std::vector<std::string>{"first.weight", "first.bias", "first.running_mean",
                                      "first.running_var", "first.num_batches_tracked", "weight"}));
  EXPECT_EQ(report.unexpected, (std::vector<std::string>{"head.bias"}));
  EXPECT_EQ(model.second.gamma()[0], 8);
  EXPECT_EQ(model.first.gamma()[0], 1);
}

TEST(ModelState, RefusesAnotherShapeEvenWhereItIsNotStrict) {
  Model model;
  const auto first = trained<float>(4, 8);
  StateDict state;
  state.add("first.weight", first.gamma());
  test::expect_error<std::invalid_argument>(
      "load: the state does not fit the model\n"
      "  first.weight: expected (3), got (4)",
      [&] { model.state().load(state, false); });
}

TEST(ModelState, RefusesAnIntegerInThePlaceOfAFloatAndTheReverse) {
  BatchNorm1d<float> norm(2);
  const Eigen::Array2i weight(1, 2);
  const double count = 3;
  StateDict state;
  state.add("weight", weight);
  state.add("num_batches_tracked", count);
  test::expect_error<std::invalid_argument>(
      "load: the state does not fit the model\n"
      "  weight: expected F32, got I32\n"
      "  num_batches_tracked: expected " +
          std::string(io::name_of(io::element_type_of<Index>())) + ", got F64",
      [&] { io::load(state, norm, false); });
}

TEST(ModelState, ConvertsBetweenTheScalarsOfLayers) {
  const auto doubles = trained<double>(2, 3);
  StateDict state;
  state.add("", doubles);
  BatchNorm2d<float> floats(2);
  io::load(state, floats);
  EXPECT_EQ(floats.gamma()[1], 3.25F);
  BatchNorm2d<Eigen::half> halves(2);
  io::load(state, halves);
  EXPECT_EQ(halves.running_mean()[1], 300.0F);
}

TEST(ModelState, KeepsInfinityAndNanThroughAConversion) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Eigen::Array3f from(infinity, -infinity, std::numeric_limits<float>::quiet_NaN());
  Eigen::Array<Eigen::half, 3, 1> to;
  StateDict state;
  state.add("x", from);
  ModelState model;
  model.add("x", to);
  model.load(state);
  EXPECT_EQ(static_cast<float>(to[0]), infinity);
  EXPECT_EQ(static_cast<float>(to[1]), -infinity);
  EXPECT_TRUE((Eigen::numext::isnan)(to[2]));
}

TEST(ModelState, LoadsIntoColumnMajorMatricesByIndex) {
  const Eigen::Matrix<float, 2, 3, Eigen::RowMajor> from =
      Eigen::Matrix<float, 2, 3, Eigen::RowMajor>::Random();
  Eigen::MatrixXf to(2, 3);
  StateDict state;
  state.add("weight", from);
  ModelState model;
  model.add("weight", to);
  model.load(state);
  EXPECT_EQ(to, from);
}

TEST(ModelState, LoadsIntoABlockAndLeavesWhatIsBesideIt) {
  Eigen::MatrixXf to = Eigen::MatrixXf::Zero(4, 4);
  const Eigen::Matrix2f from = Eigen::Matrix2f::Constant(3);
  StateDict state;
  state.add("weight", from);
  ModelState model;
  model.add("weight", to.block(1, 1, 2, 2));
  model.load(state);
  EXPECT_EQ(to.sum(), 12);
  EXPECT_EQ(to(2, 2), 3);
}

TEST(ModelState, LoadsItselfWithoutAChange) {
  Model model;
  const Eigen::MatrixXf weight = model.weight;
  model.state().load(model.state().state_dict());
  EXPECT_EQ(model.weight, weight);
}

// What is loaded first would be what is read next.
TEST(ModelState, RefusesViewsOfAnotherTensorOfTheModel) {
  Eigen::Array2f a(1, 1), b(2, 2);
  Eigen::MatrixXf q = Eigen::MatrixXf::Random(2, 2);
  const Eigen::MatrixXf before = q;
  ModelState model;
  model.add("a", a);
  model.add("b", b);
  model.add("q", q);
  StateDict exchanged;
  exchanged.add("a", b);
  exchanged.add("b", a);
  exchanged.add("q", q.transpose());
  test::expect_error<std::invalid_argument>(
      "load: the state does not fit the model\n"
      "  a: expected memory apart from the model's, got a view of it\n"
      "  b: expected memory apart from the model's, got a view of it\n"
      "  q: expected memory apart from the model's, got a view of it",
      [&] { model.load(exchanged); });
  EXPECT_EQ(a[0], 1);
  EXPECT_EQ(q, before);
}

TEST(ModelState, LoadsLayerNormOverTwoDimensions) {
  LayerNorm<float> from({2, 3}), to({2, 3});
  from.gamma().setLinSpaced(1, 6);
  StateDict state;
  state.add("", from);
  io::load(state, to);
  EXPECT_EQ(to.gamma()[4], 5);

  LayerNorm<float> other({3, 2});
  test::expect_error<std::invalid_argument>(
      "load: the state does not fit the model\n"
      "  weight: expected (3, 2), got (2, 3)\n"
      "  bias: expected (3, 2), got (2, 3)",
      [&] { io::load(state, other); });
}

}  // namespace
}  // namespace eigen_norm
