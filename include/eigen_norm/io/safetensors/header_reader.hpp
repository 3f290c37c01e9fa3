// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "eigen_norm/io/safetensors/header.hpp"
#include "eigen_norm/io/safetensors/malformed.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Reads the JSON of a header event by event, so that a name which comes twice is seen, and nothing
/// is kept that is not expected there:
///
///     {"__metadata__": {text: text}, name: {"dtype": text, "shape": [...], "data_offsets": [...]}}
class SafetensorsHeaderReader {
 public:
  using Json = nlohmann::json;

  /// Of `text`, which begins with {. Throws std::runtime_error, with `source` first.
  static SafetensorsHeader read(std::string_view text, const std::string& source) {
    SafetensorsHeaderReader reader(text.size(), source);
    Json::sax_parse(text.begin(), text.end(), &reader);
    return std::move(reader.header_);
  }

  // The parser's events. Each answers with true, to go on, or does not return.

  bool null() { refuse("null"); }
  bool boolean(bool) { refuse("a truth value"); }
  bool binary(Json::binary_t&) { refuse("bytes"); }
  bool number_integer(Json::number_integer_t) { refuse("a negative number"); }
  bool number_float(Json::number_float_t, const std::string& digits) { refuse(digits); }

  bool number_unsigned(Json::number_unsigned_t value) {
    const bool is_in_list = inside_ == Inside::shape || inside_ == Inside::offsets;
    if (!is_in_list || value > largest) refuse(std::to_string(value));
    if (inside_ == Inside::shape) {
      add_dimension(static_cast<Index>(value));
    } else {
      add_offset(value);
    }
    return true;
  }

  bool string(std::string& text) {
    if (inside_ == Inside::metadata) {
      header_.metadata.emplace(key_, std::move(text));
    } else if (inside_ == Inside::tensor && key_ == "dtype") {
      tensor_.type = type_named(text);
    } else {
      refuse("text");
    }
    return true;
  }

  bool start_object(std::size_t) {
    if (inside_ == Inside::nothing) {
      inside_ = Inside::file;
    } else if (inside_ == Inside::file) {
      inside_ = tensor_.name == "__metadata__" ? Inside::metadata : Inside::tensor;
    } else {
      refuse("an object");
    }
    return true;
  }

  bool start_array(std::size_t) {
    if (inside_ != Inside::tensor || key_ == "dtype") refuse("a list");
    inside_ = key_ == "shape" ? Inside::shape : Inside::offsets;
    return true;
  }

  bool key(std::string& key) {
    if (inside_ == Inside::file) {
      if (!names_.insert(key).second)
        raise_malformed(source_, "each name once", shown(key) + " twice");
      tensor_ = {};
      tensor_.name = key;
      std::fill(std::begin(given_), std::end(given_), false);
      offset_count_ = 0;
    } else if (inside_ == Inside::metadata ? header_.metadata.count(key) > 0 : is_given(key)) {
      fail_inside(shown(key) + " once", "it twice");
    }
    key_ = std::move(key);
    return true;
  }

  bool end_array() {
    if (inside_ == Inside::offsets && offset_count_ < 2) {
      fail_inside("two data_offsets", std::to_string(offset_count_));
    }
    inside_ = Inside::tensor;
    return true;
  }

  bool end_object() {
    if (inside_ == Inside::tensor) add_tensor();
    inside_ = Inside::file;
    return true;
  }

  bool parse_error(std::size_t byte, const std::string&, const Json::exception&) {
    raise_malformed(
        source_, "JSON in the header",
        byte > size_ ? "its end too early" : "a syntax error at byte " + std::to_string(byte));
  }

 private:
  enum class Inside { nothing, file, metadata, tensor, shape, offsets };

  SafetensorsHeaderReader(std::size_t size, const std::string& source)
      : size_(size), source_(source) {}

  ElementType type_named(const std::string& name) const {
    std::string names;
    for (const ElementType type : safetensors_types) {
      if (name == name_of(type)) return type;
      names += (names.empty() ? "" : ", ") + std::string(name_of(type));
    }
    fail_inside("a dtype of " + names, shown(name));
  }

  void add_dimension(Index size) {
    if (tensor_.shape.rank() == memory::Shape::max_rank) {
      fail_inside("at most " + std::to_string(memory::Shape::max_rank) + " dimensions", "more");
    }
    tensor_.shape.push_back(size);
  }

  void add_offset(std::uint64_t offset) {
    if (offset_count_ == 2) fail_inside("two data_offsets", "more");
    (offset_count_ == 0 ? tensor_.begin : tensor_.end) = offset;
    ++offset_count_;
  }

  /// Whether the tensor has the key already; now it has.
  bool is_given(const std::string& key) {
    const auto* const found = std::find(std::begin(keys), std::end(keys), key);
    if (found == std::end(keys)) fail_inside("dtype, shape and data_offsets", shown(key));
    return std::exchange(given_[found - keys], true);
  }

  void add_tensor() {
    const bool* const missing = std::find(std::begin(given_), std::end(given_), false);
    if (missing != std::end(given_)) {
      fail_inside("dtype, shape and data_offsets", std::string("no ") + keys[missing - given_]);
    }
    header_.tensors.push_back(std::move(tensor_));
  }

  /// For a value that cannot be where it is.
  [[noreturn]] void refuse(const std::string& got) const {
    if (inside_ == Inside::file) fail_inside("an object", got);
    if (inside_ == Inside::metadata) fail_inside("text as " + shown(key_), got);
    if (inside_ == Inside::tensor) {
      fail_inside((key_ == "dtype" ? "text as " : "a list as ") + key_, got);
    }
    fail_inside("whole numbers up to " + std::to_string(largest) + " in " + key_, got);
  }
  [[noreturn]] void fail_inside(const std::string& expected, const std::string& got) const {
    raise_malformed(source_, tensor_.name, expected, got);
  }

  static constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<Index>::max());
  static constexpr const char* keys[] = {"dtype", "shape", "data_offsets"};

  std::size_t size_;
  const std::string& source_;
  SafetensorsHeader header_;
  std::unordered_set<std::string> names_;
  Inside inside_ = Inside::nothing;
  SafetensorsTensor tensor_;  ///< the entry that is being read; of __metadata__ only the name
  std::string key_;           ///< in the tensor, or in __metadata__
  bool given_[3] = {};        ///< which of the keys
  int offset_count_ = 0;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
