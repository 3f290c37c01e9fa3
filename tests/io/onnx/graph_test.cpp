// SPDX-License-Identifier: MIT
#include "eigen_norm/io/onnx/graph.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "io/onnx/one_node.hpp"
#include "support/errors.hpp"

namespace eigen_norm {
namespace {

using test::OneNode;

void expect_malformed(const std::string& message, const std::string& bytes) {
  test::expect_error<std::runtime_error>("model.onnx: expected " + message,
                                         [&] { io::parse_onnx(bytes, "model.onnx"); });
}

TEST(OnnxGraph, RefusesWhatIsNoModel) {
  expect_malformed("an ONNX model, got 11 bytes that are not one", "hello world");
  const std::string whole = test::batch_norm_of_two().model.SerializeAsString();
  const std::string size = std::to_string(whole.size() - 1);
  expect_malformed("an ONNX model, got " + size + " bytes that are not one",
                   whole.substr(0, whole.size() - 1));
  expect_malformed("a model with a graph, got none", "");
}

TEST(OnnxGraph, NeedsTheOpsetOfOnnxItself) {
  OneNode model = test::batch_norm_of_two();
  model.model.mutable_opset_import(0)->set_domain("com.microsoft");
  expect_malformed("an opset_import of ONNX's own operators, got none",
                   model.model.SerializeAsString());
  model.model.mutable_opset_import(0)->set_domain("ai.onnx");
  EXPECT_EQ(model.parse().norms.at(0).opset(), 15);
}

TEST(OnnxGraph, RefusesAnInitializerTwice) {
  OneNode model = test::batch_norm_of_two();
  model.graph().mutable_initializer(1)->set_name("scale");
  expect_malformed("each initializer once, got \"scale\" twice", model.model.SerializeAsString());
}

// batch_norm_of_two with a scale that no initializer has.
OneNode without_scale() {
  OneNode model = test::batch_norm_of_two();
  model.graph().mutable_initializer(0)->set_name("somewhere");
  return model;
}

void expect_no_constant(const OneNode& model, const std::string& got) {
  test::expect_error<std::invalid_argument>(
      "model.onnx: BatchNormalization \"norm\": expected a constant as \"scale\", got " + got,
      [&] { model.as<BatchNorm2d<float>>(); });
}

TEST(OnnxGraph, FindsTheOutputsOfConstantNodes) {
  OneNode model = without_scale();
  auto& constant = *model.graph().add_node();
  constant.set_op_type("Constant");
  constant.add_output("scale");
  auto& value = *constant.add_attribute();
  value.set_name("value");
  value.set_type(test::proto::AttributeProto::TENSOR);
  *value.mutable_t() = model.graph().initializer(0);
  EXPECT_EQ(model.as<BatchNorm2d<float>>().gamma()[1], 3);

  value.Clear();
  value.set_name("value_floats");
  value.set_type(test::proto::AttributeProto::FLOATS);
  value.add_floats(7);
  value.add_floats(8);
  EXPECT_EQ(model.as<BatchNorm2d<float>>().gamma()[1], 8);

  value.set_name("value_ints");
  expect_no_constant(model, "the output of Constant");
}

void add_identity(OneNode& model, const char* from, const char* to) {
  auto& identity = *model.graph().add_node();
  identity.set_op_type("Identity");
  identity.add_input(from);
  identity.add_output(to);
}

TEST(OnnxGraph, FollowsIdentityNodes) {
  OneNode model = without_scale();
  add_identity(model, "between", "scale");
  add_identity(model, "somewhere", "between");
  EXPECT_EQ(model.as<BatchNorm2d<float>>().gamma()[1], 3);
}

TEST(OnnxGraph, EndsOnACycleOfIdentityNodes) {
  OneNode model = without_scale();
  add_identity(model, "between", "scale");
  add_identity(model, "scale", "between");
  expect_no_constant(model, "the output of Identity");
}

TEST(OnnxGraph, SaysWhatAParameterIsThatIsNoConstant) {
  OneNode model = without_scale();
  expect_no_constant(model, "nothing of this name");
  model.graph().add_input()->set_name("scale");
  expect_no_constant(model, "an input of the graph");
  auto& product = *model.graph().add_node();
  product.set_op_type("Mul");
  product.add_output("scale");
  expect_no_constant(model, "the output of Mul");
}

}  // namespace
}  // namespace eigen_norm
