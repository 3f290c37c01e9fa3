// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "eigen_norm/io/byte_order.hpp"
#include "eigen_norm/io/onnx/dims.hpp"
#include "eigen_norm/io/onnx/external_data.hpp"
#include "eigen_norm/io/tensor_view.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// A tensor of the model, which must outlive it.
struct OnnxTensor {
  TensorView view;
  std::shared_ptr<const void> memory;
};

/// Finds the elements of a TensorProto, wherever the format may keep them: in raw_data, in the
/// typed field of its type, or in another file. What it says of itself is held to the bytes that
/// are there before anything is allocated.
class OnnxTensorReader {
 public:
  OnnxTensorReader(const onnx_proto::TensorProto& tensor, const std::string& model_path)
      : tensor_(tensor),
        model_path_(model_path),
        where_(model_path + ": tensor \"" + tensor.name() + "\": ") {}

  OnnxTensor read() const {
    const std::optional<ElementType> type = element_type_of_onnx(tensor_.data_type());
    if (!type) fail("DOUBLE, FLOAT, FLOAT16 or BFLOAT16", onnx_type_name(tensor_.data_type()));
    if (tensor_.has_segment()) fail("a whole tensor", "a segment of one");

    OnnxTensor result;
    result.view.type = *type;
    result.view.shape = shape();
    result.view.strides = packed_strides(result.view.shape);
    const OnnxBytes bytes = bytes_of(*type);
    const auto count = static_cast<std::size_t>(result.view.shape.size());
    if (bytes.size / size_of(*type) != count || bytes.size % size_of(*type) != 0) {
      fail(result.view.shape.text() + " of " + name_of(*type),
           std::to_string(bytes.size) + " bytes");
    }
    result.view.data = bytes.data;
    result.view.swapped = is_as_in_a_file() && !is_little_endian();
    result.memory = bytes.memory;
    return result;
  }

 private:
  memory::Shape shape() const {
    constexpr int most = memory::Shape::max_rank;
    if (tensor_.dims_size() > most) {
      fail("at most " + std::to_string(most) + " dimensions", std::to_string(tensor_.dims_size()));
    }
    const OnnxDims dims(tensor_.dims().begin(), tensor_.dims().end());
    const std::optional<memory::Shape> shape = onnx_shape(dims);
    if (!shape) fail("dims that can be counted", onnx_text(dims));
    return *shape;
  }

  bool is_external() const { return tensor_.data_location() == onnx_proto::TensorProto::EXTERNAL; }
  /// Little-endian; a typed field is in the machine's order.
  bool is_as_in_a_file() const { return is_external() || tensor_.has_raw_data(); }

  OnnxBytes bytes_of(ElementType type) const {
    if (is_external()) return OnnxExternalData(tensor_, where_).read(model_path_);
    if (tensor_.has_raw_data()) {
      return {tensor_.raw_data().data(), tensor_.raw_data().size(), nullptr};
    }
    if (type == ElementType::f32) return field(tensor_.float_data());
    if (type == ElementType::f64) return field(tensor_.double_data());
    return halves();
  }

  template <typename Field>
  static OnnxBytes field(const Field& field) {
    const auto size = static_cast<std::size_t>(field.size()) * sizeof(*field.data());
    return {reinterpret_cast<const char*>(field.data()), size, nullptr};
  }

  /// The bits of each 16-bit float are an int32.
  OnnxBytes halves() const {
    auto bits = std::make_shared<std::vector<std::uint16_t>>();
    for (const std::int32_t word : tensor_.int32_data()) {
      if (word < 0 || word > 0xFFFF) fail("16 bits in each of int32_data", std::to_string(word));
      bits->push_back(static_cast<std::uint16_t>(word));
    }
    return {reinterpret_cast<const char*>(bits->data()), bits->size() * sizeof(std::uint16_t),
            bits};
  }

  [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
    memory::raise<std::runtime_error>(where_ + "expected " + expected + ", got " + got);
  }

  const onnx_proto::TensorProto& tensor_;
  const std::string& model_path_;
  std::string where_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
