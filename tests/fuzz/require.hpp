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

// Makes a call, which may be refused.
class Refusal {
 public:
  template <typename Call>
  explicit Refusal(const Call& call) {
    try {
      call();
    } catch (const std::logic_error& error) {  // std::invalid_argument is one
      message_ = error.what();
    }
  }

  bool is() const { return !message_.empty(); }

  void require_to_be(bool expected, const char* call) const {
    if (is() && !expected) fail(call + std::string(" is refused: ") + message_);
    if (!is() && expected) fail(call + std::string(" is not refused"));
  }

 private:
  std::string message_;
};

// The call is refused, and nothing of the layer has changed.
template <typename Layer, typename Call>
void require_refused(const Layer& layer, const char* what, const Call& call) {
  const Values before = visible_state(layer);
  Refusal(call).require_to_be(true, what);
  require_same(visible_state(layer), before, "a call that was refused has changed the layer");
}

}  // namespace eigen_norm::test::fuzz
