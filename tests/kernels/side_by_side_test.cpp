// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/side_by_side.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigen_norm::kernels {
namespace {

/// The sum of each line, and of its squares, of small integers in runs of `length`.
void expect_sums(Index lines, Index runs, Index length) {
  std::vector<double> values(static_cast<std::size_t>(lines * runs * length));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 1009);
  const auto data = [&](Index line, Index run) {
    return values.data() + (run * lines + line) * length;
  };
  std::vector<double> sum(static_cast<std::size_t>(lines)), squares(sum.size());
  std::vector<Index> runs_done(sum.size());
  sum_side_by_side<double, 2>(
      lines, runs, length,
      [&](Index line, Index run) {
        const double* xs = data(line, run);
        return [=](auto at) {
          const auto x = at(xs);
          return terms(x, x * x);
        };
      },
      [&](Index line, Index first, Index count, const Sums<double, 2>& sums) {
        const auto k = static_cast<std::size_t>(line);
        EXPECT_EQ(first, runs_done[k]);
        runs_done[k] += count;
        sum[k] += sums.total(0);
        squares[k] += sums.total(1);
      });
  for (Index line = 0; line < lines; ++line) {
    double expected = 0, expected_squares = 0;
    for (Index run = 0; run < runs; ++run) {
      for (Index i = 0; i < length; ++i) {
        expected += data(line, run)[i];
        expected_squares += data(line, run)[i] * data(line, run)[i];
      }
    }
    const auto k = static_cast<std::size_t>(line);
    EXPECT_EQ(runs_done[k], runs);
    EXPECT_EQ(sum[k], expected) << lines << " lines of " << runs << " runs of " << length;
    EXPECT_EQ(squares[k], expected_squares);
  }
}

TEST(SumSideBySide, AddsEveryRunOfEveryLineOnceInOrder) {
  for (const Index lines : {Index{1}, Index{3}, lines_together, 2 * lines_together + 1}) {
    for (const Index runs : {Index{1}, Index{2}, chunk_runs + 1}) {
      for (const Index length : {1, 5, 16, 49, 511}) expect_sums(lines, runs, length);
    }
  }
}

}  // namespace
}  // namespace eigen_norm::kernels
