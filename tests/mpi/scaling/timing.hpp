// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

#include "eigen_norm/mpi/communicator.hpp"

namespace eigen_norm::test {

inline double microseconds_of(const std::function<void()>& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
      .count();
}

inline double quantile(std::vector<double> values, double part) {
  const auto place = static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + place, values.end());
  return values[static_cast<std::size_t>(place)];
}

// The microseconds of calls that all ranks make together, in turn and many times over: by call and
// time those of the slowest rank.
inline std::vector<std::vector<double>> slowest_ranks(
    int times, const std::vector<std::function<void()>>& calls) {
  std::vector<std::vector<double>> result(calls.size());
  for (int time = -2; time < times; ++time) {  // the first to warm up
    for (std::size_t c = 0; c < calls.size(); ++c) {
      MPI_Barrier(MPI_COMM_WORLD);
      const double mine = microseconds_of(calls[c]);
      double slowest = 0;
      MPI_Allreduce(&mine, &slowest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
      if (time >= 0) result[c].push_back(slowest);
    }
  }
  return result;
}

}  // namespace eigen_norm::test
