// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdio>
#include <string>

#include "nn/metrics.hpp"
#include "nn/types.hpp"

namespace nn {

/// How many samples of each class (row) were taken for which class (column).
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(Index classes) : counts_(Counts::Zero(classes, classes)) {}

  template <typename Scalar>
  void add(const Matrix<Scalar>& logits, const Labels& labels) {
    const Labels predicted = predictions(logits);
    for (Index n = 0; n < labels.size(); ++n) {
      ++counts_(labels(n), predicted(n));
    }
  }

  Index count(Index label, Index predicted) const { return counts_(label, predicted); }

  double accuracy() const {
    return static_cast<double>(counts_.matrix().trace()) / static_cast<double>(counts_.sum());
  }

  /// The share of a class that was found.
  double recall(Index label) const {
    return static_cast<double>(counts_(label, label)) /
           static_cast<double>(counts_.row(label).sum());
  }

  /// One line per class, its columns numbered as the classes are.
  template <typename Names>
  std::string text(const Names& names) const {
    std::string result = "            ";
    for (Index column = 0; column < counts_.cols(); ++column) {
      append(result, "%6d", static_cast<int>(column));
    }
    result += "   found\n";
    for (Index row = 0; row < counts_.rows(); ++row) {
      append(result, "%d %-10s", static_cast<int>(row), names[static_cast<std::size_t>(row)]);
      for (Index column = 0; column < counts_.cols(); ++column) {
        append(result, "%6d", static_cast<int>(counts_(row, column)));
      }
      append(result, "%7.1f%%\n", 100 * recall(row));
    }
    return result;
  }

 private:
  using Counts = Eigen::Array<Index, Eigen::Dynamic, Eigen::Dynamic>;

  template <typename... Values>
  static void append(std::string& text, const char* format, const Values&... values) {
    char cell[40];
    std::snprintf(cell, sizeof cell, format, values...);
    text += cell;
  }

  Counts counts_;
};

}  // namespace nn
