// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nn/gz_file.hpp"

namespace nn {

/// Reads a file of bytes in the IDX format of MNIST, gzipped or plain: two zero bytes, the type 8
/// (unsigned byte), the number of dimensions, each dimension in four bytes, the highest first, and
/// then the elements, the last index running fastest (yann.lecun.com/exdb/mnist). Whatever is wrong
/// ends in a std::runtime_error that says `file: expected this, got that`.
template <std::size_t Rank>
class IdxReader {
 public:
  using Shape = std::array<std::uint32_t, Rank>;

  /// `content` says in words what the file should hold.
  IdxReader(const std::string& path, std::string content) : file_(path, std::move(content)) {}

  /// The elements of an array of this shape, which must be all that the file holds.
  std::vector<std::uint8_t> read(const Shape& shape) {
    std::array<std::uint8_t, 4 + 4 * Rank> header{};
    file_.read(header.data(), header.size());
    const std::array<std::uint8_t, 4> magic{0, 0, 8, Rank};
    if (!std::equal(magic.begin(), magic.end(), header.begin())) file_.fail("another kind of file");
    std::size_t size = 1;
    for (std::size_t axis = 0; axis < Rank; ++axis) {
      const std::uint8_t* bytes = header.data() + 4 + 4 * axis;
      const std::uint32_t extent = std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
                                   std::uint32_t{bytes[2]} << 8 | std::uint32_t{bytes[3]};
      if (extent != shape[axis]) {
        file_.fail(std::to_string(extent) + " instead of " + std::to_string(shape[axis]) +
                   " in dimension " + std::to_string(axis + 1));
      }
      size *= extent;
    }
    std::vector<std::uint8_t> elements(size);
    file_.read(elements.data(), size);
    file_.finish();
    return elements;
  }

 private:
  ExactFile file_;
};

}  // namespace nn
