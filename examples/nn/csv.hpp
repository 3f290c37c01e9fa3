// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nn/gz_file.hpp"

namespace nn {

/// Reads a comma-separated file line by line, gzipped or plain. Whatever is wrong ends in a
/// std::runtime_error that says `file:line: expected this, got that`.
class CsvReader {
 public:
  /// `content` says in words what the file should hold, for the error when it is not there.
  CsvReader(std::string path, const std::string& content) : path_(std::move(path)), file_(path_) {
    const std::string trouble = file_.trouble();
    if (!trouble.empty()) {
      throw std::runtime_error(path_ + ": expected " + content + ", got " + trouble);
    }
  }

  /// The cells of the next line, which must be `count`; `row` says in words what they are.
  std::vector<std::string> next(std::size_t count, const std::string& row) {
    const std::string expected = row + " (" + std::to_string(count) + " values)";
    std::string line;
    if (!read_line(line)) {
      fail(expected, "the end of the file");
    }
    std::vector<std::string> cells(1);
    for (const char character : line) {
      if (character == ',') {
        cells.emplace_back();
      } else {
        cells.back() += character;
      }
    }
    if (cells.size() != count) {
      fail(expected, std::to_string(cells.size()) + (cells.size() == 1 ? " value" : " values"));
    }
    return cells;
  }

  /// A finite number from `low` to `high`, from column `column` (counted from 0) of the last line.
  double number(const std::vector<std::string>& cells, std::size_t column, double low,
                double high) const {
    const std::string& cell = cells[column];
    char* end = nullptr;
    const double value = std::strtod(cell.c_str(), &end);
    const bool is_number = !cell.empty() && *end == '\0' && std::isfinite(value);
    if (!is_number || !(low <= value && value <= high)) {
      const std::string range =
          std::isinf(high) ? "of at least " + text(low) : "from " + text(low) + " to " + text(high);
      fail("a number " + range + " in column " + std::to_string(column + 1), '"' + cell + '"');
    }
    return value;
  }

  /// As number, and whole.
  int whole_number(const std::vector<std::string>& cells, std::size_t column, int low,
                   int high) const {
    const double value = number(cells, column, low, high);
    if (value != std::floor(value)) {
      fail("a whole number in column " + std::to_string(column + 1), '"' + cells[column] + '"');
    }
    return static_cast<int>(value);
  }

  /// Nothing may follow the last line.
  void expect_end() {
    std::string line;
    if (read_line(line)) {
      fail("the end of the file", '"' + line + '"');
    }
  }

  [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
    throw std::runtime_error(path_ + ':' + std::to_string(line_number_) + ": expected " + expected +
                             ", got " + got);
  }

 private:
  bool read_line(std::string& line) {
    ++line_number_;
    line = file_.line();
    const bool at_end = line.empty();
    if (at_end || line.back() != '\n') {
      const std::string trouble = file_.trouble();
      if (!trouble.empty()) {
        fail("readable data", trouble);
      }
    }
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) {
      line.pop_back();
    }
    return !at_end;
  }

  static std::string text(double value) {
    std::ostringstream out;
    out << value;
    return out.str();
  }

  std::string path_;
  GzFile file_;
  int line_number_ = 0;
};

}  // namespace nn
