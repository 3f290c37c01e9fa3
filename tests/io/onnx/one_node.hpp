// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "eigen_norm/io/onnx/load.hpp"

namespace eigen_norm::test {

namespace proto = io::onnx_proto;

// A model of one node with the inputs X and its initialisers, to be parsed as "model.onnx".
class OneNode {
 public:
  OneNode(const char* op_type, std::int64_t opset) {
    model.set_ir_version(8);
    model.add_opset_import()->set_version(opset);
    graph().add_node();
    node().set_name("norm");
    node().set_op_type(op_type);
    node().add_input("X");
    node().add_output("Y");
    graph().add_input()->set_name("X");
  }

  proto::GraphProto& graph() { return *model.mutable_graph(); }
  proto::NodeProto& node() { return *graph().mutable_node(0); }

  // Of X; -1 is a dimension without a number.
  OneNode& x(const io::OnnxDims& dims) {
    auto& shape = *graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
    for (const std::int64_t dim : dims) {
      auto& added = *shape.add_dim();
      if (dim >= 0) added.set_dim_value(dim);
    }
    return *this;
  }

  // The next input of the node, an initializer of floats.
  OneNode& parameter(const std::string& name, const std::vector<float>& values,
                     const io::OnnxDims& dims) {
    node().add_input(name);
    auto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(proto::TensorProto::FLOAT);
    for (const std::int64_t dim : dims) tensor.add_dims(dim);
    for (const float value : values) tensor.add_float_data(value);
    return *this;
  }
  OneNode& parameter(const std::string& name, const std::vector<float>& values) {
    return parameter(name, values, {static_cast<std::int64_t>(values.size())});
  }

  OneNode& number(const char* name, float value) {
    auto& attribute = *node().add_attribute();
    attribute.set_name(name);
    attribute.set_type(proto::AttributeProto::FLOAT);
    attribute.set_f(value);
    return *this;
  }
  OneNode& integer(const char* name, std::int64_t value) {
    auto& attribute = *node().add_attribute();
    attribute.set_name(name);
    attribute.set_type(proto::AttributeProto::INT);
    attribute.set_i(value);
    return *this;
  }

  io::OnnxModel parse(const std::string& path = "model.onnx") const {
    return io::parse_onnx(model.SerializeAsString(), path);
  }
  template <typename Layer>
  Layer as(const io::StateDict& given = io::StateDict()) const {
    return parse().norms.at(0).as<Layer>(given);
  }

  proto::ModelProto model;
};

// scale, B, mean and var of two channels.
inline OneNode batch_norm_of_two(std::int64_t opset = 15) {
  OneNode model("BatchNormalization", opset);
  model.parameter("scale", {2, 3}).parameter("B", {-1, 1});
  model.parameter("mean", {10, 20}).parameter("var", {4, 9});
  return model;
}

}  // namespace eigen_norm::test
