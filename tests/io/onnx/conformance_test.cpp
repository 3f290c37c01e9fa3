// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "conformance/comparison.hpp"
#include "conformance/onnx_data.hpp"
#include "eigen_norm/io/onnx.hpp"

// The cases of ONNX, as Debian's libonnx-testdata installs them, read from their files into layers
// by the library. The tensors beside a model, and the answers, are read by the tests' own reader.
namespace eigen_norm::test {
namespace {

// The inputs of the case, for models that have no constants.
io::StateDict tensors_of(const onnx::Case& tested) {
  io::StateDict given;
  for (const auto& [name, tensor] : tested.tensors) {
    const auto memory =
        std::make_shared<std::vector<double>>(tensor.values.begin(), tensor.values.end());
    io::TensorView view;
    view.type = io::ElementType::f64;
    for (const Index dim : tensor.dims) view.shape.push_back(dim);
    view.strides = io::packed_strides(view.shape);
    view.data = memory->data();
    given.add_view(name, view, memory);
  }
  return given;
}

// The layer that the one node of the case is; a model with initializers needs nothing given.
template <typename Layer>
Layer layer_of(const onnx::Case& tested, const std::string& folder) {
  const io::OnnxModel model =
      io::load_onnx(onnx::data_folder() + '/' + folder + '/' + tested.name + "/model.onnx");
  EXPECT_EQ(model.norms.size(), 1U);
  const bool is_whole = !tested.model.initializers.empty();
  return model.norms.at(0).as<Layer>(is_whole ? io::StateDict() : tensors_of(tested));
}

template <typename Scalar, int Rank>
using Tensor = Eigen::Tensor<Scalar, Rank, Eigen::RowMajor>;

template <typename Scalar>
void compare_batch_norm(const std::string& folder) {
  Comparison<Scalar> compare("BatchNormalization nodes of " + folder, float_tolerance);
  for (const onnx::Case& tested : onnx::cases_of(folder, "BatchNormalization")) {
    compare.begin_case(tested.name);
    with_rank<3, 4, 5>(tested.input(0).rank(), [&](auto rank) {
      auto layer = layer_of<BatchNorm<Scalar, Eigen::Dynamic, rank - 2>>(tested, folder);
      const auto x = to_eigen<Tensor<Scalar, rank>>(tested.input(0));
      compare.expect_value("Y", from_eigen(layer.forward(x)), tested.output(0));
      if (!layer.is_training()) return;
      compare.expect_value("running_mean", from_parameters(layer.running_mean()),
                           tested.output(1).values);
      compare.expect_value("running_var", from_parameters(layer.running_var()),
                           tested.output(2).values);
    });
  }
}

class OnnxCases : public Onnx {};

TEST_F(OnnxCases, OfBatchNormalization) {
  compare_batch_norm<float>("node");
  compare_batch_norm<double>("node");
}

TEST_F(OnnxCases, OfBatchNormalizationConvertedFromPyTorch) {
  compare_batch_norm<float>("pytorch-converted");
  compare_batch_norm<double>("pytorch-converted");
}

TEST_F(OnnxCases, OfBatchNormalizationKnowWhetherTheyTrain) {
  int training = 0, all = 0;
  for (const char* folder : {"node", "pytorch-converted"}) {
    for (const onnx::Case& tested : onnx::cases_of(folder, "BatchNormalization")) {
      const bool expected = tested.node().outputs.size() > 1;
      with_rank<3, 4, 5>(tested.input(0).rank(), [&](auto rank) {
        using Layer = BatchNorm<float, Eigen::Dynamic, rank - 2>;
        EXPECT_EQ(layer_of<Layer>(tested, folder).is_training(), expected) << tested.name;
      });
      training += expected ? 1 : 0;
      ++all;
    }
  }
  EXPECT_EQ(training, 2);
  EXPECT_EQ(all, 9);
}

TEST_F(OnnxCases, OfInstanceNormalization) {
  Comparison<float> compare("InstanceNormalization nodes");
  for (const onnx::Case& tested : onnx::cases_of("node", "InstanceNormalization")) {
    compare.begin_case(tested.name);
    const auto layer = layer_of<InstanceNorm2d<float>>(tested, "node");
    const auto x = to_eigen<Tensor<float, 4>>(tested.input(0));
    compare.expect_value("output", from_eigen(layer.infer(x)), tested.output(0));
  }
}

TEST_F(OnnxCases, OfLayerNormalization) {
  Comparison<float> compare("LayerNormalization nodes");
  for (const onnx::Case& tested : onnx::cases_of("node", "LayerNormalization")) {
    compare.begin_case(tested.name);
    with_rank<2, 3, 4>(tested.input(0).rank(), [&](auto rank) {
      auto layer = layer_of<LayerNorm<float>>(tested, "node");
      const auto x = to_eigen<Tensor<float, rank>>(tested.input(0));
      compare.expect_value("Y", from_eigen(layer.forward(x)), tested.output(0));
      compare.expect_value("Mean", from_parameters(layer.batch_mean()), tested.output(1).values);
      compare.expect_value("InvStdDev", from_parameters(layer.batch_inv_std()),
                           tested.output(2).values);
    });
  }
}

}  // namespace
}  // namespace eigen_norm::test
