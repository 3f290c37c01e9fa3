// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eigen_norm/io/tensor_view.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Free text by name, which a safetensors file may carry: {"format": "pt"}.
using SafetensorsMetadata = std::map<std::string, std::string>;

/// The types in the order in which a file has their tensors, as the original implementation sorts
/// them: by alignment, the coarsest first.
inline constexpr ElementType safetensors_types[] = {ElementType::i64,  ElementType::f64,
                                                    ElementType::f32,  ElementType::i32,
                                                    ElementType::bf16, ElementType::f16};

/// Where a tensor lies in a file: bytes begin to end of the data that follow the header.
struct SafetensorsTensor {
  std::string name;
  ElementType type = ElementType::f32;
  memory::Shape shape;
  std::uint64_t begin = 0, end = 0;

  std::string offsets() const {
    return "data_offsets [" + std::to_string(begin) + ", " + std::to_string(end) + ']';
  }
};

/// What a safetensors file says before its data:
///
///     {"__metadata__":{"format":"pt"},"weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}
struct SafetensorsHeader {
  SafetensorsMetadata metadata;
  std::vector<SafetensorsTensor> tensors;

  /// Of the JSON, in bytes: the limit of the original implementation.
  static constexpr std::uint64_t max_size = 100'000'000;
};

/// In JSON, without a space but for those at the end that make the size a multiple of 8.
inline std::string text_of(const SafetensorsHeader& header) {
  const auto quoted = [](const std::string& text) { return nlohmann::json(text).dump(); };
  std::string text = "{";
  const auto begin_entry = [&](const std::string& name) {
    text += (text.size() > 1 ? "," : "") + quoted(name) + ':';
  };
  if (!header.metadata.empty()) {
    begin_entry("__metadata__");
    text += nlohmann::json(header.metadata).dump();
  }
  for (const SafetensorsTensor& tensor : header.tensors) {
    begin_entry(tensor.name);
    text += R"({"dtype":")" + std::string(name_of(tensor.type)) + R"(","shape":[)";
    for (int axis = 0; axis < tensor.shape.rank(); ++axis) {
      text += (axis > 0 ? "," : "") + std::to_string(tensor.shape[axis]);
    }
    text += R"(],"data_offsets":[)" + std::to_string(tensor.begin) + ',' +
            std::to_string(tensor.end) + "]}";
  }
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
