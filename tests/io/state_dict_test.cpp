// SPDX-License-Identifier: MIT
#include "eigen_norm/io/state_dict.hpp"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cstdint>
#include <string>
#include <unsupported/Eigen/CXX11/Tensor>
#include <utility>
#include <vector>

#include "eigen_norm/eigen_norm.hpp"
#include "eigen_norm/io/model_state.hpp"
#include "support/errors.hpp"

namespace eigen_norm {
namespace {

using io::StateDict;
using memory::Shape;

std::vector<std::string> names_of(const StateDict& state) {
  std::vector<std::string> names;
  for (const auto& entry : state) names.push_back(entry.name);
  return names;
}

TEST(StateDict, IsEmptyFromBraces) {
  EXPECT_EQ(StateDict{}.size(), 0U);
  EXPECT_EQ(io::ModelState{}.state_dict().size(), 0U);
}

TEST(StateDict, NamesTheStateOfALayerAsPyTorchDoes) {
  const BatchNorm2d<float> norm(3);
  StateDict state;
  state.add("stem.norm", norm);
  EXPECT_EQ(names_of(state), (std::vector<std::string>{
                                 "stem.norm.weight", "stem.norm.bias", "stem.norm.running_mean",
                                 "stem.norm.running_var", "stem.norm.num_batches_tracked"}));
  EXPECT_EQ(state.at("stem.norm.weight").shape, Shape({3}));
  EXPECT_EQ(state.at("stem.norm.num_batches_tracked").shape, Shape());
}

TEST(StateDict, PutsNoDotAfterAnEmptyPrefix) {
  const LayerNorm<double> norm(4);
  StateDict state;
  state.add("", norm);
  EXPECT_EQ(names_of(state), (std::vector<std::string>{"weight", "bias"}));
}

TEST(StateDict, GivesLayerNormsWeightsTheNormalizedShape) {
  const LayerNorm<float> norm({2, 3});
  StateDict state;
  state.add("norm", norm);
  EXPECT_EQ(state.at("norm.weight").shape, Shape({2, 3}));
}

TEST(StateDict, HoldsViewsThatFollowTheLayer) {
  BatchNorm1d<float> norm(2);
  StateDict state;
  state.add("norm", norm);
  norm.gamma() << 5, 6;
  EXPECT_EQ(state.get<Eigen::ArrayXf>("norm.weight")[1], 6);
}

TEST(StateDict, RefusesANameTwice) {
  const BatchNorm1d<float> norm(2);
  StateDict state;
  state.add("norm", norm);
  test::expect_error<std::invalid_argument>(
      "eigen_norm: expected each name of a state once, got norm.weight twice",
      [&] { state.add("norm", norm); });
}

TEST(StateDict, TakesALayerAsAWholeOrNotAtAll) {
  const BatchNorm1d<float> norm(2);
  StateDict state;
  state.add("norm.running_mean", norm.beta());
  test::expect_error<std::invalid_argument>(
      "eigen_norm: expected each name of a state once, got norm.running_mean twice",
      [&] { state.add("norm", norm); });
  EXPECT_EQ(names_of(state), std::vector<std::string>{"norm.running_mean"});
  EXPECT_FALSE(state.contains("norm.weight"));
}

// A temporary that owns what it shows, even if by its type it need not, does not compile.
TEST(StateDict, KnowsWhoseMemoryATemporaryShows) {
  using Eigen::MatrixXf;
  using Fixed = Eigen::TensorFixedSize<float, Eigen::Sizes<2, 3>>;
  static_assert(io::is_borrowed<Eigen::Map<const MatrixXf>>);
  static_assert(io::is_borrowed<Eigen::TensorMap<Eigen::Tensor<const float, 2>>>);
  static_assert(io::is_borrowed<Eigen::Ref<MatrixXf>>);
  static_assert(io::is_borrowed<decltype(std::declval<MatrixXf&>().block(0, 0, 1, 1))>);
  static_assert(io::is_borrowed<decltype(std::declval<MatrixXf&>().transpose())>);
  static_assert(!io::is_borrowed<Eigen::Ref<const MatrixXf>>);
  static_assert(!io::is_borrowed<MatrixXf> && !io::is_borrowed<Fixed> && !io::is_borrowed<int>);
  static_assert(!io::is_borrowed<Eigen::Tensor<float, 2>>);
}

// Its own index type may hold less than the sizes in a file.
TEST(StateDict, DoesNotGetATensorBeyondItsIndices) {
  const float one = 1;
  io::TensorView view = io::view_of(one);
  view.shape = {40000};
  view.strides = {0};
  StateDict state;
  state.add_view("x", view, nullptr);
  using Narrow = Eigen::Tensor<float, 1, Eigen::RowMajor, std::int16_t>;
  test::expect_error<std::invalid_argument>(
      "StateDict: x: expected rank 1 within indices of 16 bits, got (40000)",
      [&] { state.get<Narrow>("x"); });
}

TEST(StateDict, SaysWhichNameIsMissing) {
  const StateDict state;
  test::expect_error<std::invalid_argument>(
      "StateDict: expected a tensor named fc.weight, got 0 of other names",
      [&] { state.at("fc.weight"); });
}

TEST(StateDict, GetsAMatrixOfEitherStorageOrderByItsIndices) {
  Eigen::MatrixXf weights(2, 3);
  weights << 1, 2, 3, 4, 5, 6;
  StateDict state;
  state.add("weight", weights);
  using RowMajor = Eigen::Matrix<double, 2, 3, Eigen::RowMajor>;
  EXPECT_EQ(state.get<RowMajor>("weight"), weights.cast<double>());
  EXPECT_EQ(state.get<Eigen::MatrixXf>("weight"), weights);
  const auto tensor = state.get<Eigen::Tensor<float, 2>>("weight");
  EXPECT_EQ(tensor(1, 0), 4);
}

TEST(StateDict, GetsAVectorAsAVectorOrAMatrixOfOneColumn) {
  const Eigen::Vector3f bias(1, 2, 3);
  StateDict state;
  state.add("bias", bias);
  EXPECT_EQ(state.get<Eigen::VectorXf>("bias"), bias);
  EXPECT_EQ(state.get<Eigen::RowVectorXf>("bias"), bias.transpose());
  EXPECT_EQ(state.get<Eigen::MatrixXf>("bias"), bias);
  EXPECT_EQ((state.get<Eigen::Tensor<float, 1, Eigen::RowMajor>>("bias"))(2), 3);
}

TEST(StateDict, SeesBlocksMapsAndTensorsWhereTheyLie) {
  Eigen::MatrixXf m = Eigen::MatrixXf::Random(4, 5);
  const Eigen::Tensor<float, 3> t = Eigen::Tensor<float, 3>(2, 3, 4).setRandom();
  StateDict state;
  state.add("block", m.block(1, 1, 2, 3));
  state.add("transposed", m.transpose());
  state.add("strided",
            Eigen::Map<const Eigen::MatrixXf, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>(
                m.data(), 2, 2, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(8, 2)));
  state.add("tensor", t);
  EXPECT_EQ(state.get<Eigen::MatrixXf>("block"), m.block(1, 1, 2, 3));
  EXPECT_EQ(state.get<Eigen::MatrixXf>("transposed"), m.transpose());
  EXPECT_EQ(state.get<Eigen::MatrixXf>("strided")(1, 1), m(2, 2));
  EXPECT_EQ((state.get<Eigen::Tensor<float, 3, Eigen::RowMajor>>("tensor"))(1, 2, 3), t(1, 2, 3));
}

TEST(StateDict, SaysWhatDoesNotFitTheTypeAskedFor) {
  const Eigen::MatrixXd weights = Eigen::MatrixXd::Constant(2, 3, 1e300);
  const BatchNorm1d<float> norm(2);
  StateDict state;
  state.add("weight", weights);
  state.add("norm", norm);
  test::expect_error<std::invalid_argument>("StateDict: weight: expected (n), got (2, 3)",
                                            [&] { state.get<Eigen::VectorXd>("weight"); });
  test::expect_error<std::invalid_argument>("StateDict: weight: expected (2, 2), got (2, 3)",
                                            [&] { state.get<Eigen::Matrix2d>("weight"); });
  test::expect_error<std::invalid_argument>(
      "StateDict: weight: expected values within F32, got one beyond",
      [&] { state.get<Eigen::MatrixXf>("weight"); });
  test::expect_error<std::invalid_argument>(
      std::string("StateDict: norm.num_batches_tracked: expected F32, got ") +
          io::name_of(io::element_type_of<Index>()),
      [&] { state.get<Eigen::Tensor<float, 0>>("norm.num_batches_tracked"); });
}

}  // namespace
}  // namespace eigen_norm
