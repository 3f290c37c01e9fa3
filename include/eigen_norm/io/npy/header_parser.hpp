// SPDX-License-Identifier: MIT
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "eigen_norm/io/byte_order.hpp"
#include "eigen_norm/io/malformed.hpp"
#include "eigen_norm/io/npy/header.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Reads the literal of a Python dictionary that is the header's text, with the keys in any order:
///
///     {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
class NpyHeaderParser {
 public:
  /// `name` begins the messages.
  NpyHeaderParser(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {}

  /// Throws std::runtime_error for anything else.
  NpyHeader parse() {
    expect("{");
    while (!take("}")) {
      entry();
      if (take(",")) continue;
      expect("}");
      break;
    }
    skip_space();
    if (at_ < text_.size()) fail("nothing after the header's dictionary");
    if (!has_type_ || !has_order_ || !has_shape_) {
      fail("the keys 'descr', 'fortran_order' and 'shape' in the header", "fewer");
    }
    return header_;
  }

 private:
  void entry() {
    const std::size_t start = at_;
    const std::string_view key = string();
    expect(":");
    bool* seen = nullptr;
    if (key == "descr") {
      type();
      seen = &has_type_;
    } else if (key == "fortran_order") {
      header_.row_major = !boolean();
      seen = &has_order_;
    } else if (key == "shape") {
      shape();
      seen = &has_shape_;
    }
    if (seen == nullptr || *seen) {
      at_ = start;
      fail("the keys 'descr', 'fortran_order' and 'shape' once each in the header");
    }
    *seen = true;
  }

  void type() {
    skip_space();
    const std::size_t start = at_;
    if (next() == '\'' || next() == '"') {
      std::string_view descr = string();
      const char order = descr.empty() ? ' ' : descr.front();
      if (order == '<' || order == '>' || order == '=') descr.remove_prefix(1);
      header_.swapped = order == (is_little_endian() ? '>' : '<');
      for (const ElementType type : {ElementType::f64, ElementType::f32, ElementType::f16,
                                     ElementType::i64, ElementType::i32}) {
        header_.type = type;
        if (descr == numpy_name_of(type)) return;
      }
    }
    at_ = start;
    fail("dtype f8, f4, f2, i8 or i4");
  }

  bool boolean() {
    if (take("True")) return true;
    if (take("False")) return false;
    fail("'fortran_order' to be True or False");
  }

  void shape() {
    header_.shape = {};
    expect("(");
    while (!take(")")) {
      const Index size = dimension();
      if (header_.shape.rank() == memory::Shape::max_rank) {
        fail("at most 8 dimensions", "more");
      }
      header_.shape.push_back(size);
      if (take(",")) continue;
      if (header_.shape.rank() == 1) fail("a comma after a single dimension");
      expect(")");
      break;
    }
    if (!header_.shape.is_countable()) {
      fail("a shape whose elements can be counted", header_.shape.text());
    }
  }

  Index dimension() {
    skip_space();
    const std::size_t start = at_;
    constexpr Index largest = std::numeric_limits<Index>::max();
    Index value = 0;
    while (next() >= '0' && next() <= '9') {
      const Index digit = next() - '0';
      if (value > (largest - digit) / 10) {
        at_ = start;
        fail("a dimension of at most " + std::to_string(largest));
      }
      value = 10 * value + digit;
      ++at_;
    }
    const bool is_number = at_ > start && (text_[start] != '0' || at_ == start + 1);
    if (!is_number) {
      at_ = start;
      fail("a dimension");
    }
    return value;
  }

  /// Between quotes of either kind; one with a backslash is no name or dtype.
  std::string_view string() {
    skip_space();
    const char quote = next();
    const std::size_t end =
        quote == '\'' || quote == '"' ? text_.find(quote, at_ + 1) : std::string_view::npos;
    if (end == std::string_view::npos) fail("a string in quotes");
    const std::string_view value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return value;
  }

  bool take(std::string_view token) {
    skip_space();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  void expect(std::string_view token) {
    if (!take(token)) fail("'" + std::string(token) + "' in the header");
  }

  void skip_space() {
    while (next() == ' ' || next() == '\n' || next() == '\t' || next() == '\r') ++at_;
  }
  char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  /// With what comes next in the text, printable.
  [[noreturn]] void fail(const std::string& expected) {
    skip_space();
    constexpr std::size_t most = 24;
    std::string got(text_.substr(at_, most));
    for (char& c : got) {
      if (c < ' ' || c > '~') c = '?';
    }
    if (text_.size() - at_ > most) got += "...";
    fail(expected, got.empty() ? "the end of the header" : got);
  }
  [[noreturn]] void fail(const std::string& expected, const std::string& got) {
    raise_malformed(name_, expected, got);
  }

  std::string_view text_;
  std::string name_;
  std::size_t at_ = 0;
  NpyHeader header_;
  bool has_type_ = false, has_order_ = false, has_shape_ = false;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
