// SPDX-License-Identifier: MIT
#include "eigen_norm/io/onnx/write_layer.hpp"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <unsupported/Eigen/CXX11/Tensor>
#include <vector>

#include "eigen_norm/io/onnx.hpp"
#include "support/errors.hpp"
#include "support/random.hpp"
#include "support/temporary_folder.hpp"

namespace eigen_norm {
namespace {

using Eigen::bfloat16;
using Eigen::half;

// With parameters and statistics that are all different, and of so few digits that every type holds
// them; eps and momentum are floats.
template <typename Layer>
Layer trained(Layer layer) {
  int count = 0;
  layer.for_each_state([&](std::string_view name, auto& value) {
    if constexpr (!std::is_arithmetic_v<std::decay_t<decltype(value)>>) {
      for (Index i = 0; i < value.size(); ++i) {
        const double number = 0.25 + 0.125 * ++count;
        value[i] = static_cast<float>(name == "running_var" || i % 2 == 0 ? number : -number);
      }
    }
  });
  return layer;
}

template <typename Options>
Options exact(Options options) {
  options.eps = 0x1p-10;
  return options;
}

// The layer that one written comes back as.
template <typename Loaded, typename Layer>
Loaded loaded(const Layer& layer, const std::string& path) {
  io::save_onnx(path, layer);
  return io::load_onnx(path).at("norm").as<Loaded>();
}

template <int Rank, typename Loaded, typename Layer>
void expect_same_inference(const Layer& layer, const test::Dims& dims) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("norm.onnx"), again = folder.path("again.onnx");
  const auto back = loaded<Loaded>(layer, path);
  using Tensor = Eigen::Tensor<typename Layer::Scalar, Rank, Eigen::RowMajor>;
  const auto x = test::to_eigen<Tensor>(test::random_normal(dims, 5, 1, 2));
  EXPECT_EQ(test::from_eigen(back.infer(x)).values, test::from_eigen(layer.infer(x)).values);
  io::save_onnx(again, back);
  EXPECT_EQ(test::read_bytes(again), test::read_bytes(path));
}

template <typename Scalar>
class OnnxWriting : public testing::Test {};
using Scalars = testing::Types<float, double, half, bfloat16>;
TYPED_TEST_SUITE(OnnxWriting, Scalars, );  // C++17 wants the comma

TYPED_TEST(OnnxWriting, KeepsBatchNorm) {
  using Scalar = TypeParam;
  const auto options = exact(BatchNormOptions::onnx());
  const auto norm1d = trained(BatchNorm1d<Scalar>(3, options));
  const auto norm2d = trained(BatchNorm2d<Scalar>(4, options));
  const auto norm3d = trained(BatchNorm3d<Scalar, 2>(options));
  expect_same_inference<3, BatchNorm1d<Scalar>>(norm1d, {2, 3, 5});
  expect_same_inference<4, BatchNorm2d<Scalar>>(norm2d, {2, 4, 3, 3});
  expect_same_inference<5, BatchNorm3d<Scalar, 2>>(norm3d, {2, 2, 2, 3, 2});
}

TYPED_TEST(OnnxWriting, KeepsInstanceNorm) {
  using Scalar = TypeParam;
  const auto norm = trained(InstanceNorm2d<Scalar>(4, exact(InstanceNormOptions::onnx())));
  expect_same_inference<4, InstanceNorm2d<Scalar>>(norm, {2, 4, 3, 3});
}

TYPED_TEST(OnnxWriting, KeepsGroupNorm) {
  using Scalar = TypeParam;
  const auto norm = trained(GroupNorm<Scalar>(2, 6, exact(GroupNormOptions())));
  expect_same_inference<4, GroupNorm<Scalar>>(norm, {2, 6, 3, 3});
}

TYPED_TEST(OnnxWriting, KeepsLayerNorm) {
  using Scalar = TypeParam;
  const auto norm = trained(LayerNorm<Scalar>({3, 4}, exact(LayerNormOptions())));
  expect_same_inference<3, LayerNorm<Scalar>>(norm, {5, 3, 4});
  const auto without_beta =
      trained(LayerNorm<Scalar>(7, exact(LayerNormOptions{1e-5, true, false})));
  expect_same_inference<2, LayerNorm<Scalar>>(without_beta, {5, 7});
}

TYPED_TEST(OnnxWriting, KeepsRmsNorm) {
  using Scalar = TypeParam;
  const auto norm = trained(RMSNorm<Scalar>(7, exact(RMSNormOptions())));
  expect_same_inference<2, RMSNorm<Scalar>>(norm, {5, 7});
  const RMSNorm<Scalar> plain(7);
  expect_same_inference<2, RMSNorm<Scalar>>(plain, {5, 7});
}

TYPED_TEST(OnnxWriting, GivesOnesAndZerosWhereALayerHasNone) {
  using Scalar = TypeParam;
  const BatchNorm2d<Scalar> batch_norm(4, exact(BatchNormOptions{1e-5, 0.5, false, false}));
  expect_same_inference<4, BatchNorm2d<Scalar>>(batch_norm, {2, 4, 3, 3});
  const InstanceNorm2d<Scalar> instance_norm(4, exact(InstanceNormOptions()));
  expect_same_inference<4, InstanceNorm2d<Scalar>>(instance_norm, {2, 4, 3, 3});
  const GroupNorm<Scalar> group_norm(2, 4, exact(GroupNormOptions{1e-5, false, false}));
  expect_same_inference<4, GroupNorm<Scalar>>(group_norm, {2, 4, 3, 3});
  const LayerNorm<Scalar> layer_norm(7, exact(LayerNormOptions{1e-5, false, true}));
  expect_same_inference<2, LayerNorm<Scalar>>(layer_norm, {5, 7});
  const RMSNorm<Scalar> rms_norm(7, exact(RMSNormOptions{{}, false}));
  expect_same_inference<2, RMSNorm<Scalar>>(rms_norm, {5, 7});
}

TYPED_TEST(OnnxWriting, MakesABatchNormOfAnInstanceNormWithRunningStatistics) {
  using Scalar = TypeParam;
  InstanceNormOptions options = exact(InstanceNormOptions::onnx());
  options.track_running_stats = true;
  const auto norm = trained(InstanceNorm2d<Scalar>(4, options));
  expect_same_inference<4, BatchNorm2d<Scalar>>(norm, {2, 4, 3, 3});
}

TYPED_TEST(OnnxWriting, AddsOneToAZeroCenteredGamma) {
  using Scalar = TypeParam;
  const auto norm = trained(RMSNorm<Scalar>(7, RMSNormOptions{0x1p-10, true, true}));
  expect_same_inference<2, RMSNorm<Scalar>>(norm, {5, 7});
}

TEST(OnnxFile, RoundsEpsMomentumAndParametersToTheirTypesInOnnx) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("norm.onnx");
  const auto doubles = loaded<BatchNorm2d<double>>(BatchNorm2d<double>(2), path);
  EXPECT_EQ(doubles.options().eps, static_cast<double>(1e-5F));
  EXPECT_EQ(doubles.options().momentum, 0.1);

  LayerNorm<half> halves(2);
  halves.gamma()[0] = 1 + 0x1p-20F;
  EXPECT_EQ(loaded<LayerNorm<half>>(halves, path).gamma()[0], 1);
  // BatchNormalization has a type of its own for its parameters.
  BatchNorm2d<half> batch_halves(2);
  batch_halves.gamma()[0] = 1 + 0x1p-20F;
  EXPECT_EQ(loaded<BatchNorm2d<half>>(batch_halves, path).gamma()[0], 1 + 0x1p-20F);
}

TEST(OnnxFile, RoundsTheSumOfOneAndAZeroCenteredGammaOnce) {
  const test::TemporaryFolder folder;
  RMSNorm<half> norm(2, RMSNormOptions{0x1p-10, true, true});
  norm.gamma().setConstant(0x1p-11F + 0x1p-34F);  // beyond halfway from 1 to the next of half
  EXPECT_EQ(loaded<RMSNorm<half>>(norm, folder.path("norm.onnx")).gamma()[1], 1 + 0x1p-10F);
}

template <typename Layer>
void expect_refused(const Layer& layer, const std::string& message, std::optional<int> rank = {}) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("norm.onnx");
  test::expect_error<std::invalid_argument>(path + ": expected " + message,
                                            [&] { io::save_onnx(path, layer, rank); });
  EXPECT_EQ(folder.files(), 0);
}

// Of the node that is written, if it has it.
template <typename Layer>
std::optional<io::onnx_proto::AttributeProto> attribute_of(const Layer& layer, const char* name) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("norm.onnx");
  io::save_onnx(path, layer);
  const std::string bytes = test::read_bytes(path);
  const io::OnnxGraph graph(bytes, path);
  for (const auto& attribute : graph.graph().node(0).attribute()) {
    if (attribute.name() == name) return attribute;
  }
  return {};
}

TEST(OnnxFile, LeavesOutAMomentumThatIsNone) {
  BatchNormOptions options;
  options.momentum = std::nullopt;
  EXPECT_FALSE(attribute_of(BatchNorm2d<float>(2, options), "momentum"));
  EXPECT_EQ(attribute_of(BatchNorm2d<float>(2), "momentum").value().f(), 0.9F);
}

TEST(OnnxFile, KeepsEveryMomentumThatItHolds) {
  const test::TemporaryFolder folder;
  for (const double momentum : {0.0, 1.0, 0.1, 0.01, 0.001, 1e-6, 0.3, 0.123}) {
    BatchNormOptions options;
    options.momentum = momentum;
    const auto back =
        loaded<BatchNorm2d<float>>(BatchNorm2d<float>(2, options), folder.path("norm.onnx"));
    EXPECT_EQ(back.options().momentum, momentum);
  }
}

TEST(OnnxFile, IsRefusedForAMomentumThatItCannotHold) {
  const double infinity = std::numeric_limits<double>::infinity();
  BatchNormOptions options;
  const auto expect_momentum = [&](double momentum, const std::string& message) {
    options.momentum = momentum;
    expect_refused(BatchNorm2d<float>(2, options), message);
  };
  for (const double momentum : {-0.5, 2.0, 1e300, infinity, std::nan("")}) {
    expect_momentum(momentum, "a momentum from 0 to 1, got " + number_text(momentum));
  }
  expect_momentum(1e-9, "a momentum that 1 - momentum in float tells from 0, got 1e-09");
}

TEST(OnnxFile, AsksForStatisticsInDoubleWhereTheDataAre) {
  const auto stash_type_of = [](const auto& layer) {
    return attribute_of(layer, "stash_type").value().i();
  };
  const std::int64_t in_double = io::onnx_type_of(io::ElementType::f64);
  EXPECT_EQ(stash_type_of(GroupNorm<double>(1, 2)), in_double);
  EXPECT_EQ(stash_type_of(LayerNorm<double>(2)), in_double);
  EXPECT_EQ(stash_type_of(RMSNorm<double>(2)), in_double);
  EXPECT_FALSE(attribute_of(LayerNorm<float>(2), "stash_type"));
  EXPECT_FALSE(attribute_of(LayerNorm<half>(2), "stash_type"));
}

// Of X in the model that is written.
io::OnnxDims dims_of_x(const std::string& path) {
  const std::string bytes = test::read_bytes(path);
  return io::OnnxGraph(bytes, path).dims("X").value();
}

TEST(OnnxFile, DescribesXAsFarAsTheLayerKnows) {
  using Dims = io::OnnxDims;
  const test::TemporaryFolder folder;
  const std::string path = folder.path("norm.onnx");
  io::save_onnx(path, BatchNorm1d<float>(5));
  EXPECT_EQ(dims_of_x(path), (Dims{-1, 5, -1}));
  io::save_onnx(path, BatchNorm1d<float>(5), 2);
  EXPECT_EQ(dims_of_x(path), (Dims{-1, 5}));
  io::save_onnx(path, GroupNorm<float>(2, 6));
  EXPECT_EQ(dims_of_x(path), (Dims{-1, 6, -1, -1}));
  io::save_onnx(path, GroupNorm<float>(2, 6), 3);
  EXPECT_EQ(dims_of_x(path), (Dims{-1, 6, -1}));
  io::save_onnx(path, LayerNorm<float>({3, 4}));
  EXPECT_EQ(dims_of_x(path), (Dims{-1, 3, 4}));
  io::save_onnx(path, LayerNorm<float>({3, 4}), 2);
  EXPECT_EQ(dims_of_x(path), (Dims{3, 4}));
}

TEST(OnnxFile, HasTheOldestOpsetThatCanSayIt) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("norm.onnx");
  const auto opset = [&](const auto& layer) {
    io::save_onnx(path, layer);
    return io::load_onnx(path).norms.at(0).opset();
  };
  EXPECT_EQ(opset(BatchNorm2d<float>(2)), 15);
  EXPECT_EQ(opset(InstanceNorm2d<float>(2)), 15);
  EXPECT_EQ(opset(InstanceNorm2d<bfloat16>(2)), 22);
  EXPECT_EQ(opset(GroupNorm<float>(1, 2)), 21);
  EXPECT_EQ(opset(LayerNorm<float>(2)), 17);
  EXPECT_EQ(opset(RMSNorm<float>(2)), 23);
}

TEST(OnnxFile, IsRefusedForWhatOnnxCannotSay) {
  BatchNormOptions options;
  options.track_running_stats = false;
  expect_refused(BatchNorm2d<float>(2, options),
                 "a BatchNorm with running statistics, for inference, got one that tracks none");
  const std::string last =
      "a layer with channels first, as ONNX has them, got one with channels "
      "last";
  expect_refused(BatchNorm2d<float>(2, BatchNormOptions::keras()), last);
  expect_refused(GroupNorm<float>(1, 2, GroupNormOptions::keras()), last);
  expect_refused(InstanceNorm1d<float>(2, InstanceNormOptions::keras()), last);
}

TEST(OnnxFile, IsRefusedForNumbersBeyondTheirTypesInOnnx) {
  expect_refused(LayerNorm<double>(2, LayerNormOptions{1e-60}),
                 "epsilon within the range of float, got 1e-60");
  expect_refused(LayerNorm<double>(2, LayerNormOptions{1e300}),
                 "epsilon within the range of float, got 1e+300");
  GroupNorm<half> norm(1, 2);
  norm.beta()[1] = 1e5F;
  expect_refused(norm, "bias within F16, got a value beyond");
  norm.beta()[1] = std::numeric_limits<float>::infinity();
  const test::TemporaryFolder folder;
  EXPECT_EQ(loaded<GroupNorm<half>>(norm, folder.path("norm.onnx")).beta()[1], norm.beta()[1]);
}

TEST(OnnxFile, IsRefusedForAnotherRankAndParametersOfAnotherSize) {
  expect_refused(BatchNorm2d<float>(2), "X of 4 dimensions, got 3", 3);
  expect_refused(BatchNorm1d<float>(2), "X of 2 to 3 dimensions, got 4", 4);
  expect_refused(LayerNorm<float>({2, 3}), "X of 2 to 8 dimensions, got 1", 1);
  LayerNorm<float> norm(3);
  norm.gamma().resize(2);
  expect_refused(norm, "Scale of 3 values, got 2");
}

}  // namespace
}  // namespace eigen_norm
