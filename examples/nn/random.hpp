// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "nn/types.hpp"

namespace nn {

/// Random numbers that depend on the seed alone. The C++ standard fixes the engine but leaves its
/// distributions and std::shuffle to each library, so these few are written out.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// Uniform in (0, 1]: 53 random bits, never zero, so that its logarithm is finite.
  double uniform() { return (static_cast<double>(engine_() >> 11) + 1.0) * 0x1p-53; }

  /// Uniform among 0, 1, ..., count - 1.
  Index below(Index count) {
    return static_cast<Index>(engine_() % static_cast<std::uint64_t>(count));
  }

  /// Normal with mean 0 and variance 1, by the Box-Muller transform.
  double normal() {
    constexpr double two_pi = 6.283185307179586;
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    return radius * std::cos(two_pi * uniform());
  }

  /// Fills x with normals of standard deviation sigma.
  template <typename Dense>
  void fill_normal(Dense& x, double sigma) {
    for (auto& value : flat(x)) {
      value = static_cast<typename Dense::Scalar>(sigma * normal());
    }
  }

  /// 0, 1, ..., count - 1 in random order (Fisher and Yates).
  std::vector<Index> permutation(Index count) {
    std::vector<Index> order(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < order.size(); ++i) {
      order[i] = static_cast<Index>(i);
    }
    for (std::size_t left = order.size(); left > 1; --left) {
      std::swap(order[left - 1], order[engine_() % left]);
    }
    return order;
  }

  /// visit(name, text) where the text is all that the next numbers depend on.
  template <typename Visit>
  void for_each_state(Visit&& visit) {
    std::ostringstream out;
    out << engine_;
    std::string text = out.str();
    visit("random", text);
    std::istringstream(text) >> engine_;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace nn
