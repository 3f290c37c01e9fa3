// SPDX-License-Identifier: MIT
#include "eigen_norm/io/onnx/load.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "io/onnx/one_node.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

namespace eigen_norm {
namespace {

using test::OneNode;
using Names = std::vector<std::string>;

TEST(OnnxModel, ListsTheNormalizationsInTheOrderOfTheGraph) {
  OneNode model("LayerNormalization", 23);
  int count = 0;
  for (const char* op_type : {"Conv", "BatchNormalization", "GroupNormalization", "Relu",
                              "InstanceNormalization", "RMSNormalization"}) {
    auto& node = *model.graph().add_node();
    node.set_op_type(op_type);
    node.set_name("node " + std::to_string(++count));
  }
  auto& foreign = *model.graph().add_node();
  foreign.set_op_type("LayerNormalization");
  foreign.set_domain("com.microsoft");

  const io::OnnxModel found = model.parse();
  Names op_types;
  for (const io::OnnxNorm& norm : found.norms) op_types.push_back(norm.op_type());
  EXPECT_EQ(op_types, (Names{"LayerNormalization", "BatchNormalization", "GroupNormalization",
                             "InstanceNormalization", "RMSNormalization"}));
  EXPECT_EQ(found.norms[0].inputs(), Names{"X"});
  EXPECT_EQ(found.norms[0].outputs(), Names{"Y"});
  EXPECT_EQ(found.norms[0].opset(), 23);
  EXPECT_EQ(found.at("node 2").op_type(), "BatchNormalization");
  test::expect_error<std::invalid_argument>(
      "model.onnx: expected a normalization named \"bn\", got 5 of other names",
      [&] { found.at("bn"); });
}

TEST(OnnxModel, IsLoadedFromAFile) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("model.onnx");
  test::write_bytes(path, test::batch_norm_of_two().model.SerializeAsString());
  const auto norm = io::load_onnx(path).at("norm").as<BatchNorm2d<double>>();
  EXPECT_EQ(norm.running_var()[1], 9);
}

TEST(OnnxModel, SaysWhyItCannotBeLoaded) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("model.onnx");
  test::expect_error<std::runtime_error>(
      path + ": expected a file to read, got \"No such file or directory\"",
      [&] { io::load_onnx(path); });
  test::write_bytes(path, "hello");
  test::expect_error<std::runtime_error>(path +
                                             ": expected an ONNX model, got 5 bytes that are "
                                             "not one",
                                         [&] { io::load_onnx(path); });
}

TEST(OnnxNorm, OutlivesTheModel) {
  const io::OnnxNorm norm = test::batch_norm_of_two().parse().norms.at(0);
  EXPECT_EQ(norm.as<BatchNorm1d<float>>().gamma()[0], 2);
}

}  // namespace
}  // namespace eigen_norm
