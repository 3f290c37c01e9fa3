// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "claims/study.hpp"

namespace claims {

/// Of each series and depth the rate that learned the training samples best: the lowest mean loss
/// where no run diverged, if there is such a rate. The test samples have no say.
inline std::vector<Point> best_rates(const std::vector<Point>& points) {
  const auto better = [](const Point& a, const Point& b) {
    if (a.diverged != b.diverged) return a.diverged < b.diverged;
    return a.values.front().mean < b.values.front().mean;
  };
  std::vector<Point> best;
  for (const Point& point : points) {
    if (best.empty() || best.back().series != point.series || best.back().x != point.x) {
      best.push_back(point);
    } else if (better(point, best.back())) {
      best.back() = point;
    }
  }
  return best;
}

/// Each network gets the best of some rates.
inline void vary_depth(const Settings& settings, const std::string& name, double init_scale) {
  Study study{name, "hidden layers", loss_and_accuracy(), {}};
  for (const Norm norm : {Norm::none, Norm::batch, Norm::layer}) {
    for (const Index depth : {4, 8, 16, 32}) {
      for (const double rate : {0.001, 0.003, 0.01, 0.03, 0.1}) {
        const auto layers = static_cast<double>(depth);
        MlpShape shape{settings.data.train.pixels.cols(), depth, 64};
        shape.init_scale = init_scale;
        add_seeds(study.runs, settings, {name_of(norm), layers, rate, 0, {}},
                  [&settings, norm, shape, rate](std::uint64_t seed) {
                    return try_mlp(settings.data, norm, shape, {64, rate, settings.epochs}, seed);
                  });
      }
    }
  }
  write_points(study, settings, best_rates(summarise(study.runs, carry_out(study, settings))));
}

/// Claim: normalization makes deep networks trainable. Whether it has to depends on how they are
/// initialised: by He's deviation, sqrt(2 / inputs), or by that of PyTorch's default for a linear
/// layer, sqrt(1 / (3 inputs)), by which signals fade from layer to layer.
inline void study_depth(const Settings& settings) {
  vary_depth(settings, "depth_he", 1.0);
  vary_depth(settings, "depth_torch", std::sqrt(1.0 / 6.0));
}

}  // namespace claims
