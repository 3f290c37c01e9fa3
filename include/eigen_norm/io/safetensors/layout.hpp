// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "eigen_norm/io/safetensors/header.hpp"
#include "eigen_norm/io/safetensors/malformed.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// A tensor has as many bytes as its type and shape say, among the `data_size` there are.
inline void check_size(const SafetensorsTensor& tensor, std::uint64_t data_size,
                       const std::string& source) {
  const auto what = [&] { return name_of(tensor.type) + (' ' + tensor.shape.text()); };
  const auto each = static_cast<Index>(size_of(tensor.type));
  if (!tensor.shape.is_countable() ||
      tensor.shape.size() > std::numeric_limits<Index>::max() / each) {
    raise_malformed(source, tensor.name, "a size below 2^63 bytes", what());
  }
  const auto size = static_cast<std::uint64_t>(tensor.shape.size() * each);
  if (tensor.begin > tensor.end) {
    raise_malformed(source, tensor.name, "an end behind the begin", tensor.offsets());
  }
  if (tensor.end - tensor.begin != size) {
    raise_malformed(source, tensor.name, std::to_string(size) + " bytes for " + what(),
                    tensor.offsets());
  }
  if (tensor.end > data_size) {
    raise_malformed(source, tensor.name,
                    "an end within " + std::to_string(data_size) + " bytes of data",
                    tensor.offsets());
  }
}

/// Sorts the tensors as their data lie, which fill all `data_size` bytes, one behind the other.
/// Throws std::runtime_error where they do not.
inline void lay_out(std::vector<SafetensorsTensor>& tensors, std::uint64_t data_size,
                    const std::string& source) {
  for (const SafetensorsTensor& tensor : tensors) check_size(tensor, data_size, source);
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::uint64_t end = 0;
  for (const SafetensorsTensor& tensor : tensors) {
    if (tensor.begin < end) {
      raise_malformed(source, tensor.name, "bytes of its own from " + std::to_string(end) + " on",
                      tensor.offsets());
    }
    if (tensor.begin > end) {
      raise_malformed(source, tensor.name, "no gap behind byte " + std::to_string(end),
                      tensor.offsets());
    }
    end = tensor.end;
  }
  if (end != data_size) {
    raise_malformed(source, std::to_string(end) + " bytes of data", std::to_string(data_size));
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
