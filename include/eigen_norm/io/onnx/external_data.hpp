// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "eigen_norm/io/mapped_file.hpp"
#include "eigen_norm/io/onnx/element_type.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// A stretch of memory, and who keeps it alive; null where it is the model.
struct OnnxBytes {
  const char* data = nullptr;
  std::size_t size = 0;
  std::shared_ptr<const void> memory;
};

/// Where a tensor lies whose data_location is EXTERNAL: in a file of the model's folder or of one
/// below it, and nowhere else. Symbolic links there are followed.
class OnnxExternalData {
 public:
  /// `where` begins every message: "model.onnx: tensor "W": ".
  OnnxExternalData(const onnx_proto::TensorProto& tensor, std::string where)
      : where_(std::move(where)) {
    for (const auto& entry : tensor.external_data()) {
      if (entry.key() == "location") location_ = entry.value();
      if (entry.key() == "offset") offset_ = number("offset", entry.value());
      if (entry.key() == "length") length_ = number("length", entry.value());
    }
  }

  OnnxBytes read(const std::string& model_path) const {
    namespace fs = std::filesystem;
    const fs::path location(location_);
    bool is_below = !location_.empty() && location_.find('\0') == std::string::npos &&
                    !location.has_root_path();
    for (const fs::path& part : location) is_below = is_below && part != "..";
    if (!is_below) fail("external data below the model's folder", '"' + location_ + '"');

    const fs::path path = fs::path(model_path).parent_path() / location;
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored) || !std::ifstream(path)) {
      fail("external data in a file that can be read", '"' + location_ + '"');
    }
    const auto file = MappedFile::open(path.string());
    const std::uint64_t size = file->size();
    if (offset_ > size || length_.value_or(0) > size - offset_) {
      fail("external data within the " + std::to_string(size) + " bytes of \"" + location_ + '"',
           "offset " + std::to_string(offset_) +
               (length_ ? " and length " + std::to_string(*length_) : ""));
    }
    return {file->data() + offset_, static_cast<std::size_t>(length_.value_or(size - offset_)),
            file};
  }

 private:
  std::uint64_t number(const char* key, const std::string& text) const {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stopped != end || text.empty()) {
      fail("a number of bytes as the " + std::string(key) + " of external data", '"' + text + '"');
    }
    return value;
  }
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
    memory::raise<std::runtime_error>(where_ + "expected " + expected + ", got " + got);
  }

  std::string where_, location_;
  std::uint64_t offset_ = 0;
  std::optional<std::uint64_t> length_;  ///< absent: to the end of the file
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
