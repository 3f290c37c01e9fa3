// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "claims/run_all.hpp"
#include "nn/metrics.hpp"

namespace claims {

/// The runs that differ in their seed alone.
struct Point {
  std::string series;
  double x, rate;
  std::vector<nn::Summary> values;  ///< of the runs that did not diverge, one for each column
  int runs, diverged;
};

inline bool diverged(const Outcome& outcome) {
  return std::any_of(outcome.values.begin(), outcome.values.end(),
                     [](double value) { return !std::isfinite(value); });
}

/// Mean and deviation over the seeds. The runs of a point follow one another.
inline std::vector<Point> summarise(const std::vector<Run>& runs,
                                    const std::vector<Outcome>& outcomes) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<Point> points;
  for (std::size_t begin = 0; begin < runs.size();) {
    const Run& first = runs[begin];
    Point point{first.series, first.x, first.rate, {}, 0, 0};
    std::vector<std::vector<double>> values(outcomes[begin].values.size());
    for (; begin < runs.size() && runs[begin].series == first.series && runs[begin].x == first.x &&
           runs[begin].rate == first.rate;
         ++begin) {
      ++point.runs;
      if (diverged(outcomes[begin])) {
        ++point.diverged;
        continue;
      }
      for (std::size_t c = 0; c < values.size(); ++c) {
        values[c].push_back(outcomes[begin].values[c]);
      }
    }
    for (auto& column : values) {
      if (column.empty()) column = {nan};
      point.values.emplace_back(column);
    }
    points.push_back(std::move(point));
  }
  return points;
}

}  // namespace claims
