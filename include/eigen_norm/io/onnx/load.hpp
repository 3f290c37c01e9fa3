// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eigen_norm/io/mapped_file.hpp"
#include "eigen_norm/io/onnx/read_channels.hpp"
#include "eigen_norm/io/onnx/read_trailing.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// A node of a model that normalises.
class OnnxNorm {
 public:
  OnnxNorm(std::shared_ptr<const OnnxGraph> graph, const onnx_proto::NodeProto& node)
      : graph_(std::move(graph)), node_(&node) {}

  const std::string& op_type() const { return node_->op_type(); }
  const std::string& name() const { return node_->name(); }  ///< may be empty
  std::int64_t opset() const { return graph_->opset(); }
  std::vector<std::string> inputs() const { return {node_->input().begin(), node_->input().end()}; }
  std::vector<std::string> outputs() const {
    return {node_->output().begin(), node_->output().end()};
  }

  /// The node as a layer, with its attributes and parameters:
  ///
  ///     BatchNormalization       BatchNorm1d, BatchNorm2d, BatchNorm3d
  ///     InstanceNormalization    InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
  ///     GroupNormalization       GroupNorm
  ///     LayerNormalization       LayerNorm
  ///     RMSNormalization         RMSNorm
  ///
  /// Parameters are converted to the layer's type. They must be constants of the model, or among
  /// the tensors `given`, which stand before those of the model; X may be given too, where the
  /// model does not tell the shape that the layer depends on.
  ///
  /// Throws std::invalid_argument where the layer cannot be this node, and std::runtime_error where
  /// the node or a tensor of it is malformed.
  template <typename Layer>
  Layer as(const StateDict& given = StateDict()) const {
    return OnnxLayer<Layer>::read(OnnxNode(*graph_, *node_, given));
  }

 private:
  std::shared_ptr<const OnnxGraph> graph_;
  const onnx_proto::NodeProto* node_;
};

/// What an ONNX model holds for this library.
struct OnnxModel {
  /// The nodes of its graph that normalise, in the order of the graph; not those inside of If, Loop
  /// and functions.
  std::vector<OnnxNorm> norms;
  std::string path;  ///< for messages

  /// That of this name. Throws std::invalid_argument where there is none.
  const OnnxNorm& at(const std::string& name) const {
    for (const OnnxNorm& norm : norms) {
      if (norm.name() == name) return norm;
    }
    memory::raise_invalid(path + ": expected a normalization named \"" + name + "\", got " +
                          std::to_string(norms.size()) + " of other names");
  }
};

/// A model that is in memory already. `path` stands in messages, and its folder is that of external
/// data.
inline OnnxModel parse_onnx(std::string_view bytes, const std::string& path) {
  const auto graph = std::make_shared<const OnnxGraph>(bytes, path);
  OnnxModel model{{}, path};
  for (const auto& node : graph->graph().node()) {
    static constexpr const char* op_types[] = {"BatchNormalization", "InstanceNormalization",
                                               "GroupNormalization", "LayerNormalization",
                                               "RMSNormalization"};
    for (const char* op_type : op_types) {
      if (OnnxGraph::is(op_type, node)) model.norms.emplace_back(graph, node);
    }
  }
  return model;
}

/// Reads an .onnx file. Throws std::runtime_error where it cannot be read or is not one.
inline OnnxModel load_onnx(const std::string& path) {
  const auto file = MappedFile::open(path);
  return parse_onnx({file->data(), file->size()}, path);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
