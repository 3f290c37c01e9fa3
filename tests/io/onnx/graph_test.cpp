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

TEST(OnnxGraph, RefusesAValueTwice) {
  OneNode initializers = test::batch_norm_of_two();
  initializers.graph().mutable_initializer(1)->set_name("scale");
  expect_malformed("each value once, got \"scale\" twice", initializers.model.SerializeAsString());
  OneNode both = test::batch_norm_of_two();
  both.graph().add_node()->add_output("scale");
  expect_malformed("each value once, got \"scale\" twice", both.model.SerializeAsString());
  OneNode nodes = test::batch_norm_of_two();
  nodes.graph().add_node()->add_output("Y");
  expect_malformed("each value once, got \"Y\" twice", nodes.model.SerializeAsString());
}

TEST(OnnxGraph, TakesOutputsWithoutANameAsAbsent) {
  OneNode model = test::batch_norm_of_two();
  model.node().add_output("");
  model.node().add_output("");
  EXPECT_EQ(model.as<BatchNorm2d<float>>().gamma()[1], 3);
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

test::proto::NodeProto& add_node(OneNode& model, const char* op_type, const char* output) {
  auto& node = *model.graph().add_node();
  node.set_op_type(op_type);
  node.add_output(output);
  return node;
}

TEST(OnnxGraph, FindsTheOutputsOfConstantNodes) {
  OneNode model = without_scale();
  auto& constant = add_node(model, "Constant", "scale");
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

  value.set_name("value_float");
  expect_no_constant(model, "a Constant with value_float");
  constant.clear_attribute();
  expect_no_constant(model, "a Constant with nothing");
}

void add_identity(OneNode& model, const char* from, const char* to) {
  add_node(model, "Identity", to).add_input(from);
}

TEST(OnnxGraph, FollowsIdentityNodes) {
  OneNode model = without_scale();
  add_identity(model, "somewhere", "between");
  add_identity(model, "between", "scale");
  EXPECT_EQ(model.as<BatchNorm2d<float>>().gamma()[1], 3);
}

// Followed again from each of its nodes, the chain would take hours.
TEST(OnnxGraph, FollowsAChainOfIdentityNodesOnce) {
  OneNode model = without_scale();
  constexpr int count = 300000;
  const auto name = [](int i) { return i == 0 ? "somewhere" : "copy" + std::to_string(i); };
  for (int i = 1; i < count; ++i) add_identity(model, name(i - 1).c_str(), name(i).c_str());
  const std::string bytes = model.model.SerializeAsString();
  const io::OnnxGraph graph(bytes, "model.onnx");
  for (int i = 0; i < count; ++i) ASSERT_EQ(graph.constant(name(i)).value().view.shape[0], 2);
}

TEST(OnnxGraph, LeavesNodesOfOtherDomainsAlone) {
  OneNode constant = without_scale();
  auto& foreign = add_node(constant, "Constant", "scale");
  foreign.set_domain("com.example");
  auto& value = *foreign.add_attribute();
  value.set_name("value_floats");
  value.set_type(test::proto::AttributeProto::FLOATS);
  value.add_floats(7);
  value.add_floats(8);
  expect_no_constant(constant, "the output of com.example.Constant");
  OneNode identity = without_scale();
  add_identity(identity, "somewhere", "scale");
  identity.graph().mutable_node(1)->set_domain("com.example");
  expect_no_constant(identity, "the output of com.example.Identity");
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
  model.graph().add_sparse_initializer()->mutable_values()->set_name("scale");
  expect_no_constant(model, "a sparse initializer");
  model.graph().clear_sparse_initializer();
  model.graph().add_input()->set_name("scale");
  expect_no_constant(model, "an input of the graph");
  OneNode computed = without_scale();
  add_node(computed, "Mul", "product");
  add_identity(computed, "product", "scale");
  expect_no_constant(computed, "the output of Mul");
}

TEST(OnnxGraph, HasTheDimsOfConstantsWhereNothingElseTellsThem) {
  OneNode model = without_scale();
  add_identity(model, "somewhere", "copy");
  const std::string bytes = model.model.SerializeAsString();
  const io::OnnxGraph graph(bytes, "model.onnx");
  EXPECT_EQ(graph.dims("somewhere"), io::OnnxDims{2});
  EXPECT_EQ(graph.dims("copy"), io::OnnxDims{2});
  EXPECT_EQ(graph.dims("nowhere"), std::nullopt);
}

}  // namespace
}  // namespace eigen_norm
