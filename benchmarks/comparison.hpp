// SPDX-License-Identifier: MIT
#pragma once

#include "reference.hpp"

namespace bench {

/// The distance of float from the next number further from 0, at `value`.
inline double unit_in_the_last_place(long double value) {
  const float size = std::abs(static_cast<float>(value));
  return static_cast<double>(std::nextafter(size, HUGE_VALF)) - static_cast<double>(size);
}

/// How far y or dx is off: on the scale of its terms, and in units in the last place.
struct ResultErrors {
  Errors scaled, ulp;

  ResultErrors(const Reference<float>& reference, const Peer<float>& peer, Pass pass) {
    const float* result = peer.result();
    reference.expect(pass, [&](Index e, long double expected, long double size) {
      const auto off =
          static_cast<double>(std::abs(static_cast<long double>(result[e]) - expected));
      scaled.add(off / static_cast<double>(size));
      ulp.add(off / unit_in_the_last_place(expected));
    });
  }
};

/// How far the statistics are off: the mean in sqrt(var + eps), and var + eps as a part of itself.
struct MomentErrors {
  Errors mean, var;

  MomentErrors(const Moments& expected, const Moments& got) {
    for (Index s = 0; s < expected.mean.size(); ++s) {
      mean.add(std::abs(got.mean[s] - expected.mean[s]) * expected.inv_std[s]);
      const double ratio = expected.inv_std[s] / got.inv_std[s];
      var.add(std::abs(ratio * ratio - 1));
    }
  }
};

}  // namespace bench
