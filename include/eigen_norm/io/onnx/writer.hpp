// SPDX-License-Identifier: MIT
#pragma once

#include <climits>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eigen_norm/core/checks.hpp"
#include "eigen_norm/io/byte_order.hpp"
#include "eigen_norm/io/copy.hpp"
#include "eigen_norm/io/onnx/graph.hpp"
#include "eigen_norm/io/onnx/text.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// A model of one node, Y = op_type(X, parameters...), being written: its parameters are
/// initialisers by the names that ONNX has for these inputs.
class OnnxWriter {
 public:
  /// `rank` is that of X, where the caller says it.
  OnnxWriter(std::string path, std::optional<int> rank) : path_(std::move(path)), rank_(rank) {}

  /// The rank of X: the caller's, which must be one of these, or `otherwise`.
  int rank(int lowest, int highest, int otherwise) const {
    const int rank = rank_.value_or(otherwise);
    if (rank < lowest || rank > highest) {
      refuse("X of " + onnx_ranks(lowest, highest), std::to_string(rank));
    }
    return rank;
  }

  /// The operator of that opset, on X and Y of that type and of those dimensions, -1 being any.
  void begin(const char* op_type, std::int64_t opset, ElementType type, const OnnxDims& dims) {
    model_.set_ir_version(ir_version_of(opset));
    model_.set_producer_name("eigen-norm");
    model_.add_opset_import()->set_version(opset);
    model_.mutable_opset_import(0)->set_domain("");
    onnx_proto::GraphProto& graph = *model_.mutable_graph();
    graph.set_name(op_type);
    node_ = graph.add_node();
    node_->set_name("norm");
    node_->set_op_type(op_type);
    node_->add_input("X");
    node_->add_output("Y");
    describe(*graph.add_input(), "X", type, dims);
    describe(*graph.add_output(), "Y", type, dims);
  }

  void integer(const char* name, std::int64_t value) {
    attribute(name, onnx_proto::AttributeProto::INT).set_i(value);
  }

  /// Statistics are to be taken in float, which is the default, or in double for data in double.
  void stash_type(ElementType type) {
    if (type == ElementType::f64) integer("stash_type", onnx_type_of(type));
  }

  /// ONNX's attributes are float, which must hold it.
  void number(const char* name, double value) {
    if (!(std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max())) ||
        (static_cast<float>(value) == 0) != (value == 0)) {
      refuse(std::string(name) + " within the range of float", number_text(value));
    }
    attribute(name, onnx_proto::AttributeProto::FLOAT).set_f(static_cast<float>(value));
  }

  /// The next input of the node: of the `type` given, rounded where the values have more digits.
  template <typename Values>
  void parameter(const char* name, const Values& values, const memory::Shape& shape,
                 ElementType type) {
    TensorView from = view_of(values);
    if (from.shape.size() != shape.size()) {
      refuse(std::string(name) + " of " + std::to_string(shape.size()) + " values",
             std::to_string(from.shape.size()));
    }
    if (!all_fit(from, type)) {
      refuse(name + std::string(" within ") + name_of(type), "a value beyond");
    }
    from.shape = shape;
    from.strides = packed_strides(shape);
    std::string bytes(bytes_of({type, shape, {}, nullptr, false}), '\0');
    MutableTensorView to;
    to.type = type;
    to.shape = shape;
    to.strides = from.strides;
    to.data = bytes.data();
    to.swapped = !is_little_endian();
    copy(from, to);

    node_->add_input(name);
    onnx_proto::TensorProto& tensor = *model_.mutable_graph()->add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx_type_of(type));
    for (int axis = 0; axis < shape.rank(); ++axis) tensor.add_dims(shape[axis]);
    tensor.set_raw_data(std::move(bytes));
  }

  /// What the file is to hold.
  std::string bytes() const {
    if (model_.ByteSizeLong() > INT_MAX) {
      refuse("a model of less than 2 GiB, the limit of protobuf",
             std::to_string(model_.ByteSizeLong()) + " bytes");
    }
    return model_.SerializeAsString();
  }

  /// ONNX cannot say what the layer is.
  [[noreturn]] void refuse(const std::string& expected, const std::string& got) const {
    memory::raise_invalid(path_ + ": expected " + expected + ", got " + got);
  }

 private:
  /// Of the first ONNX that had the opset.
  static std::int64_t ir_version_of(std::int64_t opset) {
    return opset >= 23 ? 11 : opset >= 21 ? 10 : 8;
  }

  onnx_proto::AttributeProto& attribute(const char* name,
                                        onnx_proto::AttributeProto::AttributeType type) {
    onnx_proto::AttributeProto& attribute = *node_->add_attribute();
    attribute.set_name(name);
    attribute.set_type(type);
    return attribute;
  }

  static void describe(onnx_proto::ValueInfoProto& value, const char* name, ElementType type,
                       const OnnxDims& dims) {
    value.set_name(name);
    auto& tensor = *value.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(onnx_type_of(type));
    for (const std::int64_t size : dims) {
      auto& dim = *tensor.mutable_shape()->add_dim();
      if (size >= 0) {
        dim.set_dim_value(size);
      } else {
        dim.set_dim_param("d" + std::to_string(tensor.shape().dim_size() - 1));
      }
    }
  }

  std::string path_;
  std::optional<int> rank_;
  onnx_proto::ModelProto model_;
  onnx_proto::NodeProto* node_ = nullptr;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
