// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <climits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "eigen_norm/io/onnx/tensor.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// The dimensions of a value of the graph; -1 where the model leaves one open.
using OnnxDims = std::vector<Index>;

/// A parsed model: its constants and its shapes by name.
class OnnxGraph {
 public:
  /// `path` is for messages, and its folder is that of external data.
  OnnxGraph(std::string_view bytes, std::string path) : path_(std::move(path)) {
    if (bytes.size() > INT_MAX) {
      malformed("a model of less than 2 GiB, the limit of protobuf",
                std::to_string(bytes.size()) + " bytes");
    }
    if (!model_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      malformed("an ONNX model", std::to_string(bytes.size()) + " bytes that are not one");
    }
    if (!model_.has_graph()) malformed("a model with a graph", "none");
    read_opset();
    for (const auto& tensor : graph().initializer()) {
      if (!initializers_.emplace(tensor.name(), &tensor).second) {
        malformed("each initializer once", '"' + tensor.name() + "\" twice");
      }
    }
    for (const auto& node : graph().node()) {
      for (const std::string& output : node.output()) producers_.emplace(output, &node);
    }
    for (const auto* values : {&graph().input(), &graph().value_info(), &graph().output()}) {
      for (const auto& value : *values) {
        if (value.type().tensor_type().has_shape()) {
          shapes_.emplace(value.name(), &value.type().tensor_type().shape());
        }
      }
    }
  }
  OnnxGraph(const OnnxGraph&) = delete;
  OnnxGraph& operator=(const OnnxGraph&) = delete;

  const std::string& path() const { return path_; }
  const onnx_proto::GraphProto& graph() const { return model_.graph(); }
  std::int64_t opset() const { return opset_; }

  /// Operators of other domains may have the same names.
  static bool is_onnx_domain(const std::string& domain) {
    return domain.empty() || domain == "ai.onnx";
  }

  /// An initializer, the output of a Constant node, or the copy of such by Identity nodes, which
  /// exporters write for parameters that layers share.
  std::optional<OnnxTensor> constant(const std::string& name) const {
    const std::string& source = original(name);
    const auto initializer = initializers_.find(source);
    if (initializer != initializers_.end()) return read(*initializer->second);
    const auto producer = producers_.find(source);
    if (producer == producers_.end() || producer->second->op_type() != "Constant") return {};
    for (const auto& attribute : producer->second->attribute()) {
      if (attribute.name() == "value" && attribute.has_t()) return read(attribute.t());
      if (attribute.name() == "value_floats") return floats(attribute.floats());
    }
    return {};
  }

  /// What a value is that is no constant, for messages.
  std::string origin(const std::string& name) const {
    const auto producer = producers_.find(name);
    if (producer != producers_.end()) return "the output of " + producer->second->op_type();
    for (const auto& input : graph().input()) {
      if (input.name() == name) return "an input of the graph";
    }
    return "nothing of this name";
  }

  std::optional<OnnxDims> dims(const std::string& name) const {
    const auto found = shapes_.find(name);
    if (found == shapes_.end()) return {};
    OnnxDims dims;
    for (const auto& dim : found->second->dim()) {
      const bool is_known = dim.has_dim_value() && dim.dim_value() >= 0;
      dims.push_back(is_known ? static_cast<Index>(dim.dim_value()) : -1);
    }
    return dims;
  }

  [[noreturn]] void malformed(const std::string& expected, const std::string& got) const {
    memory::raise<std::runtime_error>(path_ + ": expected " + expected + ", got " + got);
  }

 private:
  void read_opset() {
    for (const auto& set : model_.opset_import()) {
      if (is_onnx_domain(set.domain())) opset_ = set.version();
    }
    if (opset_ < 1) malformed("an opset_import of ONNX's own operators", "none");
  }

  /// Goes back over Identity nodes. A valid graph has no cycle, which at most all its nodes make.
  const std::string& original(const std::string& name) const {
    const std::string* source = &name;
    for (int node = 0; node < graph().node_size(); ++node) {
      const auto producer = producers_.find(*source);
      if (producer == producers_.end() || producer->second->op_type() != "Identity" ||
          producer->second->input_size() != 1) {
        break;
      }
      source = &producer->second->input(0);
    }
    return *source;
  }

  OnnxTensor read(const onnx_proto::TensorProto& tensor) const {
    return OnnxTensorReader(tensor, path_).read();
  }
  template <typename Field>
  static OnnxTensor floats(const Field& field) {
    return {{ElementType::f32, {field.size()}, {1}, field.data(), false}, nullptr};
  }

  std::string path_;
  onnx_proto::ModelProto model_;
  std::int64_t opset_ = 0;
  std::unordered_map<std::string, const onnx_proto::TensorProto*> initializers_;
  std::unordered_map<std::string, const onnx_proto::NodeProto*> producers_;
  std::unordered_map<std::string, const onnx_proto::TensorShapeProto*> shapes_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
