// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "eigen_norm/memory/collapsed_shape.hpp"

/// Views to run kernels on, one at least for each inner loop, and the two passes over a view by
/// definition: one element after the other, in double.

namespace eigen_norm::test {

struct KernelCase {
  std::string name;
  memory::CollapsedShape shape;
};

inline std::vector<KernelCase> kernel_cases() {
  const auto view = [](Index repeats, Index outer, Index channels, Index inner, Index repeat_stride,
                       Index outer_stride, Index channel_stride, Index group) {
    memory::CollapsedShape shape;
    shape.repeats = repeats;
    shape.outer = outer;
    shape.channels = channels;
    shape.inner = inner;
    shape.repeat_stride = repeat_stride;
    shape.outer_stride = outer_stride;
    shape.channel_stride = channel_stride;
    shape.group = group;
    return shape;
  };
  std::vector<KernelCase> cases{
      {"runs of 49 in 5 samples", view(1, 5, 7, 49, 0, 7 * 49, 49, 1)},
      {"runs longer than a chunk", view(1, 2, 2, 2051, 0, 2 * 2051, 2051, 1)},
      {"runs in groups of 3 channels", view(2, 1, 6, 10, 60, 0, 10, 3)},
      {"runs in a group wider than a tile", view(2, 1, 1054, 3, 3162, 0, 3, 1054)},
      {"runs of some positions in groups of 3", view(2, 1, 6, 10, 84, 0, 14, 3)},
      {"one run", view(1, 3, 1, 17, 0, 17, 17, 1)},
      {"columns of a matrix with gaps", view(1, 37, 19, 1, 0, 23, 1, 1)},
      {"more columns than a tile", view(1, 9, 1054, 1, 0, 1054, 1, 1)},
      {"columns in groups of 4", view(2, 11, 8, 1, 88, 8, 1, 4)},
      {"one group wider than a tile", view(2, 3, 1054, 1, 3162, 1054, 1, 1054)},
      {"rows", view(5, 1, 67, 1, 70, 0, 1, 67)},
      {"rows longer than a chunk", view(2, 1, 2100, 1, 2100, 0, 1, 2100)},
      {"rows of two groups", view(3, 1, 34, 1, 34, 0, 1, 17)},
      {"lanes", view(21, 1, 13, 1, 1, 0, 25, 13)},
      {"lanes over positions, in groups of 2", view(5, 7, 6, 1, 1, 30, 5, 2)},
      {"more lanes than a tile", view(1054, 1, 5, 1, 1, 0, 1054, 5)}};
  KernelCase reversed{"lanes, memory backwards", view(6, 1, 12, 1, 1, 0, 6, 12)};
  reversed.shape.reversed_channels = {3, 4};
  cases.push_back(reversed);
  return cases;
}

/// f(offset, statistic, gamma index) for every element.
template <typename F>
void for_each_element(const memory::CollapsedShape& shape, const F& f) {
  for (Index r = 0; r < shape.repeats; ++r) {
    for (Index c = 0; c < shape.channels; ++c) {
      for (Index o = 0; o < shape.outer; ++o) {
        for (Index i = 0; i < shape.inner; ++i) {
          f(static_cast<std::size_t>(shape.offset(r, c, o) + i),
            static_cast<std::size_t>(shape.statistic(r, c / shape.group)),
            static_cast<std::size_t>(shape.affine_index(c)));
        }
      }
    }
  }
}

using Doubles = std::vector<double>;

inline Doubles random_values(std::size_t count, unsigned seed, double mean) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(mean, 1);
  Doubles values(count);
  for (double& value : values) value = static_cast<double>(static_cast<float>(normal(generator)));
  return values;
}

/// All that goes into and comes out of a normalization of one view.
struct Passes {
  Doubles x, dy, gamma, beta;  ///< in
  Doubles mean, inv_std;       ///< by statistic
  Doubles y, dx;               ///< by offset
  Doubles dgamma, dbeta;       ///< by channel

  Passes(const memory::CollapsedShape& shape, double eps, double x_mean) {
    std::size_t size = 0;
    for_each_element(shape, [&](std::size_t at, auto, auto) { size = std::max(size, at + 1); });
    const auto channels = static_cast<std::size_t>(shape.channels);
    const auto statistics = static_cast<std::size_t>(shape.statistics());
    x = random_values(size, 1, x_mean);
    dy = random_values(size, 2, 0);
    gamma = random_values(channels, 3, 1);
    beta = random_values(channels, 4, 0);
    mean.assign(statistics, 0);
    inv_std.assign(statistics, 0);
    y.assign(size, 0);
    dx.assign(size, 0);
    dgamma.assign(channels, 0);
    dbeta.assign(channels, 0);

    const double m = static_cast<double>(shape.values_per_statistic());
    Doubles var(statistics, 0), t1(statistics, 0), t2(statistics, 0);
    const auto xhat = [&](std::size_t at, std::size_t s) { return (x[at] - mean[s]) * inv_std[s]; };
    for_each_element(shape, [&](auto at, auto s, auto) { mean[s] += x[at] / m; });
    for_each_element(
        shape, [&](auto at, auto s, auto) { var[s] += (x[at] - mean[s]) * (x[at] - mean[s]) / m; });
    for (std::size_t s = 0; s < statistics; ++s) inv_std[s] = 1 / std::sqrt(var[s] + eps);
    for_each_element(shape, [&](auto at, auto s, auto c) {
      y[at] = xhat(at, s) * gamma[c] + beta[c];
      t1[s] += gamma[c] * dy[at] / m;
      t2[s] += gamma[c] * dy[at] * xhat(at, s) / m;
      dgamma[c] += dy[at] * xhat(at, s);
      dbeta[c] += dy[at];
    });
    for_each_element(shape, [&](auto at, auto s, auto c) {
      dx[at] = inv_std[s] * (gamma[c] * dy[at] - t1[s] - xhat(at, s) * t2[s]);
    });
  }
};

}  // namespace eigen_norm::test
