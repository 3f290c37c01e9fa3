// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cmath>

namespace bench {

/// The largest and the mean of some errors; NaN where one is.
class Errors {
 public:
  void add(double error) {
    if (!(error <= worst_) && !std::isnan(worst_)) worst_ = error;
    sum_ += error;
    ++count_;
  }
  double worst() const { return worst_; }
  double mean() const { return sum_ / static_cast<double>(count_); }

 private:
  double worst_ = 0, sum_ = 0;
  Eigen::Index count_ = 0;
};

}  // namespace bench
