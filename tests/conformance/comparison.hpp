// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <type_traits>
#include <utility>

#include "support/logical.hpp"

namespace eigen_norm::test {

constexpr Real float_tolerance = 2e-6L;

// Holds one layer to the answers of another library, and remembers how far off it was at worst,
// relative to max(1, |value|). Sums over many elements (dgamma, dbeta) are counted apart from
// single values. `value_tolerance` is the caller's where the answers themselves are rounded.
template <typename Scalar>
class Comparison {
 public:
  static constexpr bool is_float = std::is_same_v<Scalar, float>;

  explicit Comparison(std::string title, Real value_tolerance = is_float ? float_tolerance : 1e-12L)
      : title_(std::move(title)), value_tolerance_(value_tolerance) {}

  ~Comparison() {
    EXPECT_GT(cases_, 0) << title_;
    std::string text = std::to_string(cases_) + " cases, worst difference " + of(worst_value_);
    if (sums_ > 0) text += ", of a sum " + of(worst_sum_);
    testing::Test::RecordProperty("result", text);
    std::printf("  %s in %s: %s\n", title_.c_str(), is_float ? "float" : "double", text.c_str());
  }

  Comparison(const Comparison&) = delete;
  Comparison& operator=(const Comparison&) = delete;

  // What is compared from here on belongs to this case.
  void begin_case(const std::string& name) {
    case_ = name;
    ++cases_;
  }

  void expect_value(const std::string& what, const Values& got, const Values& want) {
    expect(what, got, want, value_tolerance_, worst_value_);
  }
  void expect_value(const std::string& what, const Logical& got, const Logical& want) {
    EXPECT_EQ(got.dims, want.dims) << title_ << ", " << case_ << ": shape of " << what;
    expect_value(what, got.values, want.values);
  }
  void expect_sum(const std::string& what, const Values& got, const Values& want) {
    expect(what, got, want, is_float ? 1e-5L : 1e-12L, worst_sum_);
    ++sums_;
  }

 private:
  static std::string of(Real difference) {
    char text[16];
    std::snprintf(text, sizeof(text), "%.2e", static_cast<double>(difference));
    return text;
  }

  void expect(const std::string& what, const Values& got, const Values& want, Real tolerance,
              Real& worst) {
    const Real difference = worst_difference(got, want);
    EXPECT_LE(difference, tolerance) << title_ << ", " << case_ << ": " << what;
    worst = std::max(worst, difference);
  }

  std::string title_;
  std::string case_;
  Real value_tolerance_;
  Real worst_value_ = 0;
  Real worst_sum_ = 0;
  int cases_ = 0;
  int sums_ = 0;
};

}  // namespace eigen_norm::test
