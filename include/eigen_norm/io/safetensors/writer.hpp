// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "eigen_norm/io/byte_order.hpp"
#include "eigen_norm/io/packed_bytes.hpp"
#include "eigen_norm/io/safetensors/header.hpp"
#include "eigen_norm/io/state_dict.hpp"
#include "eigen_norm/io/utf8.hpp"
#include "eigen_norm/memory/error.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// A state as a safetensors file, byte for byte as the original implementation writes it.
class SafetensorsWriter {
 public:
  /// Throws std::invalid_argument, with `target` first, for what such a file cannot hold.
  SafetensorsWriter(const StateDict& state, const SafetensorsMetadata& metadata, std::string target)
      : target_(std::move(target)) {
    for (const StateDict::Entry& entry : state) entries_.push_back(&entry);
    std::sort(entries_.begin(), entries_.end(), [](const auto* a, const auto* b) {
      const auto rank_a = rank_of(a->view.type), rank_b = rank_of(b->view.type);
      return rank_a != rank_b ? rank_a < rank_b : a->name < b->name;
    });
    const std::string header = text_of(header_of(metadata));
    if (header.size() > SafetensorsHeader::max_size) {
      fail("a header of at most " + std::to_string(SafetensorsHeader::max_size) + " bytes",
           std::to_string(header.size()));
    }
    front_.resize(sizeof(std::uint64_t));
    write_element(front_.data(), std::uint64_t{header.size()}, !is_little_endian());
    front_ += header;
  }

  /// Calls write(address, bytes) for one piece of the file after the other.
  template <typename Write>
  void write(const Write& write) const {
    write(front_.data(), front_.size());
    for (const auto* const entry : entries_) write_packed(entry->view, !is_little_endian(), write);
  }

 private:
  static std::ptrdiff_t rank_of(ElementType type) {
    return std::find(std::begin(safetensors_types), std::end(safetensors_types), type) -
           std::begin(safetensors_types);
  }

  SafetensorsHeader header_of(const SafetensorsMetadata& metadata) const {
    SafetensorsHeader header;
    for (const auto& entry : metadata) {
      if (!is_utf8(entry.first)) fail("metadata in UTF-8", entry.first);
      if (!is_utf8(entry.second)) fail("metadata in UTF-8", entry.second);
    }
    header.metadata = metadata;
    std::uint64_t end = 0;
    for (const auto* const entry : entries_) {
      if (!is_utf8(entry->name)) fail("names in UTF-8", entry->name);
      if (entry->name == "__metadata__") fail("names of tensors", entry->name);
      const std::uint64_t begin = end;
      end += bytes_of(entry->view);
      header.tensors.push_back({entry->name, entry->view.type, entry->view.shape, begin, end});
    }
    return header;
  }

  [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
    memory::raise_invalid(target_ + ": expected " + expected + ", got " + got);
  }

  std::string target_;
  std::vector<const StateDict::Entry*> entries_;
  std::string front_;  ///< the size of the header, and the header
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
