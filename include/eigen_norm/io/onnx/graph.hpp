// SPDX-License-Identifier: MIT
#pragma once

#include <climits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "eigen_norm/io/malformed.hpp"
#include "eigen_norm/io/onnx/dims.hpp"
#include "eigen_norm/io/onnx/tensor.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

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
    for (const auto& tensor : graph().initializer()) add(tensor.name(), {nullptr, &tensor});
    for (const auto& tensor : graph().sparse_initializer()) add(tensor.values().name(), {});
    for (const auto& node : graph().node()) add_outputs(node);
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

  /// Whether a node is of this operator of ONNX's own; those of other domains may have its name.
  static bool is(const char* op_type, const onnx_proto::NodeProto& node) {
    return node.op_type() == op_type && is_onnx_domain(node.domain());
  }

  /// An initializer, the output of a Constant node, or the copy of such by Identity nodes, which
  /// exporters write for parameters that layers share.
  std::optional<OnnxTensor> constant(const std::string& name) const {
    const Source* const source = source_of(name);
    if (source == nullptr) return {};
    if (source->tensor != nullptr) return OnnxTensorReader(*source->tensor, path_).read();
    if (!is_constant(*source)) return {};
    for (const auto& attribute : source->node->attribute()) {
      if (attribute.name() == "value_floats") return floats(attribute.floats());
    }
    return {};
  }

  /// What a value is that is no constant, for messages.
  std::string origin(const std::string& name) const {
    const Source* const source = source_of(name);
    if (source != nullptr) {
      if (source->node == nullptr) return "a sparse initializer";
      const onnx_proto::NodeProto& node = *source->node;
      if (is_constant(*source)) {
        return "a Constant with " +
               (node.attribute_size() > 0 ? node.attribute(0).name() : "nothing");
      }
      const std::string domain = is_onnx_domain(node.domain()) ? "" : node.domain() + '.';
      return "the output of " + domain + node.op_type();
    }
    for (const auto& input : graph().input()) {
      if (input.name() == original(name)) return "an input of the graph";
    }
    return "nothing of this name";
  }

  /// As the model describes a value, or what it is a copy of; of a constant as it is.
  std::optional<OnnxDims> dims(const std::string& name) const {
    for (const std::string* each : {&name, &original(name)}) {
      const auto found = shapes_.find(*each);
      if (found == shapes_.end()) continue;
      OnnxDims dims;
      for (const auto& dim : found->second->dim()) {
        dims.push_back(dim.has_dim_value() && dim.dim_value() >= 0 ? dim.dim_value() : -1);
      }
      return dims;
    }
    const Source* const source = source_of(name);
    if (source == nullptr || source->tensor == nullptr) return {};
    return OnnxDims(source->tensor->dims().begin(), source->tensor->dims().end());
  }

  [[noreturn]] void malformed(const std::string& expected, const std::string& got) const {
    raise_malformed(path_, expected, got);
  }

 private:
  /// Who makes a value: an initializer or a node, or both, a Constant. A sparse initializer is
  /// neither.
  struct Source {
    const onnx_proto::NodeProto* node = nullptr;
    const onnx_proto::TensorProto* tensor = nullptr;
  };

  static bool is_onnx_domain(const std::string& domain) {
    return domain.empty() || domain == "ai.onnx";
  }
  static bool is_constant(const Source& source) {
    return source.node != nullptr && is("Constant", *source.node);
  }

  void read_opset() {
    for (const auto& set : model_.opset_import()) {
      if (is_onnx_domain(set.domain())) opset_ = set.version();
    }
    if (opset_ < 1) malformed("an opset_import of ONNX's own operators", "none");
  }

  void add(const std::string& name, const Source& source) {
    if (!sources_.emplace(name, source).second) {
      malformed("each value once", '"' + name + "\" twice");
    }
  }

  /// Nodes come in an order in which each follows those that make its inputs.
  void add_outputs(const onnx_proto::NodeProto& node) {
    Source source{&node};
    for (const auto& attribute : node.attribute()) {
      if (is_constant(source) && attribute.name() == "value" && attribute.has_t()) {
        source.tensor = &attribute.t();
      }
    }
    for (const std::string& output : node.output()) {
      if (!output.empty()) add(output, source);
    }
    if (is("Identity", node) && node.input_size() == 1 && node.output_size() == 1) {
      originals_.emplace(node.output(0), &original(node.input(0)));
    }
  }

  /// What a value is a copy of by Identity nodes, or itself.
  const std::string& original(const std::string& name) const {
    const auto found = originals_.find(name);
    return found == originals_.end() ? name : *found->second;
  }
  const Source* source_of(const std::string& name) const {
    const auto found = sources_.find(original(name));
    return found == sources_.end() ? nullptr : &found->second;
  }

  template <typename Field>
  static OnnxTensor floats(const Field& field) {
    return {{ElementType::f32, {field.size()}, {1}, field.data(), false}, nullptr};
  }

  std::string path_;
  onnx_proto::ModelProto model_;
  std::int64_t opset_ = 0;
  std::unordered_map<std::string, Source> sources_;
  std::unordered_map<std::string, const std::string*> originals_;
  std::unordered_map<std::string, const onnx_proto::TensorShapeProto*> shapes_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
