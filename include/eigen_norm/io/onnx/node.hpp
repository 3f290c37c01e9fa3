// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "eigen_norm/core/checks.hpp"
#include "eigen_norm/io/copy.hpp"
#include "eigen_norm/io/onnx/broadcast.hpp"
#include "eigen_norm/io/onnx/graph.hpp"
#include "eigen_norm/io/onnx/text.hpp"
#include "eigen_norm/io/state_dict.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// More channels or features than that must be in a tensor: the word of the model is not enough to
/// allocate for them. A layer of floats takes 16 MiB then, the gradients included.
inline constexpr Index most_claimed_values = Index{1} << 20;

/// A node while a layer is made of it: its attributes, the constants and shapes of its inputs, and
/// who is to blame where they do not fit.
class OnnxNode {
 public:
  /// The tensors `given` stand before those of the model; a view of X tells its shape.
  OnnxNode(const OnnxGraph& graph, const onnx_proto::NodeProto& node, const StateDict& given)
      : graph_(graph), node_(node), given_(given) {}

  /// A node of that operator, in a version that the readers know.
  void expect(const char* op_type, std::int64_t oldest_opset) const {
    if (node_.op_type() != op_type) {
      refuse("a node of the type " + std::string(op_type) + " for this layer", node_.op_type());
    }
    if (opset() < oldest_opset) {
      refuse("opset " + std::to_string(oldest_opset) + " or newer", std::to_string(opset()));
    }
  }
  std::int64_t opset() const { return graph_.opset(); }

  double number(const char* name, float otherwise) const {
    const auto* const found = attribute(name, onnx_proto::AttributeProto::FLOAT);
    const float value = found == nullptr ? otherwise : found->f();
    const auto number = static_cast<double>(value);
    if (!kernels::is_finite(value)) malformed("a finite " + std::string(name), number_text(number));
    return number;
  }
  std::int64_t integer(const char* name, std::int64_t otherwise) const {
    const auto* const found = attribute(name, onnx_proto::AttributeProto::INT);
    return found == nullptr ? otherwise : found->i();
  }
  /// As all these operators have it.
  double epsilon() const {
    const double eps = number("epsilon", 1e-5F);
    if (eps < 0) malformed("epsilon >= 0", number_text(eps));
    return eps;
  }

  /// How many outputs anybody could use: optional ones may have no name.
  int outputs() const {
    int count = 0;
    for (const std::string& output : node_.output()) count += output.empty() ? 0 : 1;
    return count;
  }
  bool has_input(int k) const { return k < node_.input_size() && !node_.input(k).empty(); }

  /// The tensor of a parameter, floats of any type.
  OnnxTensor parameter(int k) const {
    const std::string& name = input(k);
    const StateDict::Entry* const given = given_.find(name);
    if (given != nullptr) {
      if (is_integer(given->view.type)) {
        refuse("a float as \"" + name + '"', name_of(given->view.type));
      }
      return {given->view, given->memory};
    }
    std::optional<OnnxTensor> constant = graph_.constant(name);
    if (!constant) refuse("a constant as \"" + name + '"', graph_.origin(name));
    return *constant;
  }

  /// Of X, the first input, if it is known.
  std::optional<OnnxDims> dims_of_x() const {
    return x_is_given() ? onnx_dims(given_.find(x())->view.shape) : graph_.dims(x());
  }
  /// As a tensor, so that its dimensions are no mere claim.
  bool x_is_given() const { return given_.find(x()) != nullptr; }
  const std::string& x() const { return input(0); }

  /// to(i * repeats + r) = parameter k (i), which has `count` values in one dimension.
  template <typename To>
  void fill_by_channel(int k, Index count, To& to, Index repeats = 1) const {
    OnnxTensor from = parameter(k);
    if (from.view.shape != memory::Shape{count}) {
      refuse('"' + input(k) + "\" of the shape " + memory::Shape{count}.text(),
             from.view.shape.text());
    }
    from.view.shape.push_back(1);
    from.view.strides.push_back(0);
    fill(k, from.view, {count, repeats}, to);
  }

  /// to(i) = parameter k, broadcast to `shape`, in which `to` is flat in row-major order.
  template <typename To>
  void fill(int k, const TensorView& from, const memory::Shape& shape, To& to) const {
    const std::optional<TensorView> spread = internal::broadcast(from, shape);
    if (!spread) {
      refuse('"' + input(k) + "\" that spreads over " + shape.text(), from.shape.text());
    }
    MutableTensorView target = view_of(to);
    if (!all_fit(from, target.type)) {
      refuse('"' + input(k) + "\" within " + name_of(target.type), "a value beyond");
    }
    target.shape = shape;
    target.strides = packed_strides(shape);
    copy(*spread, target);
  }

  /// The node contradicts ONNX.
  [[noreturn]] void malformed(const std::string& expected, const std::string& got) const {
    memory::raise<std::runtime_error>(message(expected, got));
  }
  /// The node is not what the layer asked for can be.
  [[noreturn]] void refuse(const std::string& expected, const std::string& got) const {
    memory::raise_invalid(message(expected, got));
  }

 private:
  const std::string& input(int k) const {
    if (!has_input(k)) malformed("an input " + std::to_string(k), "none");
    return node_.input(k);
  }

  const onnx_proto::AttributeProto* attribute(const char* name, int type) const {
    for (const auto& attribute : node_.attribute()) {
      if (attribute.name() != name) continue;
      if (attribute.type() != type) {
        const auto wanted = static_cast<onnx_proto::AttributeProto::AttributeType>(type);
        malformed(
            name + std::string(" as ") + onnx_proto::AttributeProto_AttributeType_Name(wanted),
            onnx_proto::AttributeProto_AttributeType_Name(attribute.type()));
      }
      return &attribute;
    }
    return nullptr;
  }

  /// `model.onnx: BatchNormalization "bn1": expected ..., got ...`. A node without a name is known
  /// by its output.
  std::string message(const std::string& expected, const std::string& got) const {
    std::string name = '"' + node_.name() + '"';
    if (node_.name().empty()) name = "to \"" + (outputs() > 0 ? node_.output(0) : "") + '"';
    return graph_.path() + ": " + node_.op_type() + ' ' + name + ": expected " + expected +
           ", got " + got;
  }

  const OnnxGraph& graph_;
  const onnx_proto::NodeProto& node_;
  const StateDict& given_;
};

/// How a node becomes a layer: static Layer read(const OnnxNode&), for each kind of layer.
template <typename Layer>
struct OnnxLayer {
  static_assert(sizeof(Layer) == 0,
                "eigen_norm: an ONNX node becomes a BatchNorm, InstanceNorm, GroupNorm, LayerNorm "
                "or RMSNorm");
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
