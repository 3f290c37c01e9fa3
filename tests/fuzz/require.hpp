// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "support/layer_check.hpp"

// A fuzz target fails by ending the process.
namespace eigen_norm::test::fuzz {

[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "eigen_norm::fuzz: %s\n", what.c_str());
  std::abort();
}

inline void require(bool holds, const char* what) {
  if (!holds) fail(what);
}

// Equal, -0 and 0 told apart, any NaN like any other.
inline bool same_bits(Real a, Real b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

inline bool same_bits(const Values& a, const Values& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!same_bits(a[i], b[i])) return false;
  }
  return true;
}

inline void require_same(const Values& a, const Values& b, const char* what) {
  require(same_bits(a, b), what);
}

// Runs the call; whether it was refused, with the error that says so.
template <typename Call>
bool is_refused(const Call& call) {
  try {
    call();
  } catch (const std::logic_error&) {  // std::invalid_argument is one
    return true;
  }
  return false;
}

// The call is refused, and nothing of the layer has changed.
template <typename Layer, typename Call>
void require_refused(const Layer& layer, const char* what, const Call& call) {
  const Values before = visible_state(layer);
  require(is_refused(call), what);
  require_same(visible_state(layer), before, "a call that was refused has changed the layer");
}

}  // namespace eigen_norm::test::fuzz
