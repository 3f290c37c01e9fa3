// SPDX-License-Identifier: MIT
#pragma once

#include "claims/study.hpp"

namespace claims {

/// Claim: normalization makes the scale of the first weights matter less. All weights are drawn
/// with He's deviation times the scale, those of the last layer included.
inline void study_init(const Settings& settings) {
  Study study{"init", "scale", loss_and_accuracy(), {}};
  const Index pixels = settings.data.train.pixels.cols();
  for (const Norm norm : {Norm::none, Norm::batch, Norm::layer}) {
    for (const double scale : {0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0}) {
      const Training training{64, 0.03, settings.epochs};
      MlpShape shape{pixels, 6, 64};
      shape.init_scale = scale;
      add_seeds(study.runs, settings, {name_of(norm), scale, training.rate, 0, {}},
                [&settings, norm, shape, training](std::uint64_t seed) {
                  return try_mlp(settings.data, norm, shape, training, seed);
                });
    }
  }
  write_points(study, settings, summarise(study.runs, carry_out(study, settings)));
}

}  // namespace claims
