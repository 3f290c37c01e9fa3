// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "claims/results.hpp"

// What is left of a study: NAME.csv with every run, NAME.dat for gnuplot, and tables in Markdown.
namespace claims {

/// What a study measured of each run.
struct Column {
  std::string name;
  int digits;  ///< after the point, in the table
};

inline std::string number(double value, const char* format = "%.6g") {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

class OutputFile {
 public:
  explicit OutputFile(std::string path) : path_(std::move(path)), file_(path_) { check(); }

  OutputFile& operator<<(const std::string& text) {
    file_ << text << std::flush;
    check();
    return *this;
  }

 private:
  void check() const {
    if (!file_) throw std::runtime_error(path_ + ": expected a file to write to, got none");
  }

  std::string path_;
  std::ofstream file_;
};

/// A line for each run; an empty cell is not a number.
inline void write_csv(const std::string& path, const std::string& x_name,
                      const std::vector<Column>& columns, const std::vector<Run>& runs,
                      const std::vector<Outcome>& outcomes) {
  std::string text = "series," + x_name + ",learning rate,seed";
  for (const Column& column : columns) text += ',' + column.name;
  for (std::size_t k = 0; k < runs.size(); ++k) {
    text += '\n' + runs[k].series + ',' + number(runs[k].x) + ',' + number(runs[k].rate) + ',' +
            std::to_string(runs[k].seed);
    for (const double value : outcomes[k].values) {
      text += ',' + (std::isfinite(value) ? number(value) : "");
    }
  }
  OutputFile(path) << text + '\n';
}

/// A block for each series, which gnuplot finds by its name: `x diverged runs rate`, then mean and
/// deviation of each column.
inline void write_dat(const std::string& path, const std::vector<Point>& points) {
  std::string text;
  const std::string* series = nullptr;
  for (const Point& point : points) {
    if (series == nullptr || *series != point.series) {
      text += (series == nullptr ? "# " : "\n\n# ") + point.series + '\n';
    }
    series = &point.series;
    text += number(point.x) + ' ' + std::to_string(point.diverged) + ' ' +
            std::to_string(point.runs) + ' ' + number(point.rate);
    for (const nn::Summary& value : point.values) {
      text += ' ' + number(value.mean) + ' ' + number(value.sd);
    }
    text += '\n';
  }
  OutputFile(path) << text;
}

inline std::string cell(const Point& point, std::size_t column, int digits) {
  if (point.diverged == point.runs) return "diverged";
  const std::string format = "%." + std::to_string(digits) + "f";
  const nn::Summary& value = point.values[column];
  std::string text = number(value.mean, format.c_str()) + " ± " + number(value.sd, format.c_str());
  if (point.diverged > 0) {
    text +=
        " (" + std::to_string(point.diverged) + " of " + std::to_string(point.runs) + " diverged)";
  }
  return text;
}

/// A table for each column: a line for each x, a column for each series.
inline std::string tables(const std::string& x_name, std::string (*x_text)(double),
                          const std::vector<Column>& columns, const std::vector<Point>& points) {
  std::vector<std::string> series;
  std::vector<double> xs;
  for (const Point& point : points) {
    if (std::find(series.begin(), series.end(), point.series) == series.end()) {
      series.push_back(point.series);
    }
    if (std::find(xs.begin(), xs.end(), point.x) == xs.end()) xs.push_back(point.x);
  }
  std::string text;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    text += (c == 0 ? "| " : "\n| ") + columns[c].name + " by " + x_name + " |";
    std::string rule = "\n|---|";
    for (const std::string& name : series) {
      text += ' ' + name + " |";
      rule += "---:|";
    }
    text += rule;
    for (const double x : xs) {
      text += "\n| " + x_text(x) + " |";
      for (const std::string& name : series) {
        const auto point = std::find_if(points.begin(), points.end(), [&](const Point& p) {
          return p.x == x && p.series == name;
        });
        text += ' ' + (point == points.end() ? "" : cell(*point, c, columns[c].digits)) + " |";
      }
    }
    text += '\n';
  }
  return text;
}

}  // namespace claims
