// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
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
  IdxReader(std::string path, std::string content)
      : path_(std::move(path)), content_(std::move(content)), file_(path_) {
    fail_if_unreadable();
  }

  /// The elements of an array of this shape, which must be all that the file holds.
  std::vector<std::uint8_t> read(const Shape& shape) {
    std::array<std::uint8_t, 4 + 4 * Rank> header{};
    read_into(header.data(), header.size());
    const std::array<std::uint8_t, 4> magic{0, 0, 8, Rank};
    if (!std::equal(magic.begin(), magic.end(), header.begin())) fail("another kind of file");
    std::size_t size = 1;
    for (std::size_t axis = 0; axis < Rank; ++axis) {
      const std::uint8_t* bytes = header.data() + 4 + 4 * axis;
      const std::uint32_t extent = std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
                                   std::uint32_t{bytes[2]} << 8 | std::uint32_t{bytes[3]};
      if (extent != shape[axis]) {
        fail(std::to_string(extent) + " instead of " + std::to_string(shape[axis]) +
             " in dimension " + std::to_string(axis + 1));
      }
      size *= extent;
    }
    std::vector<std::uint8_t> elements(size);
    read_into(elements.data(), size);
    std::uint8_t more = 0;
    if (file_.read(&more, 1) > 0) fail("more bytes than that");
    fail_if_unreadable();  // the checksum at the end
    return elements;
  }

 private:
  void read_into(std::uint8_t* to, std::size_t size) {
    const std::size_t got = file_.read(to, size);
    fail_if_unreadable();
    if (got < size) fail("the end of the file");
  }

  void fail_if_unreadable() const {
    const std::string trouble = file_.trouble();
    if (!trouble.empty()) fail(trouble);
  }

  [[noreturn]] void fail(const std::string& got) const {
    throw std::runtime_error(path_ + ": expected " + content_ + ", got " + got);
  }

  std::string path_, content_;
  GzFile file_;
};

}  // namespace nn
