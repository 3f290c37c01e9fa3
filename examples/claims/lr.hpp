// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "claims/study.hpp"

namespace claims {

/// The mean loss on the way over the seeds, in thousands of images seen; a series for each series
/// and rate.
inline std::vector<Point> curves(const Study& study, const Settings& settings,
                                 const std::vector<Outcome>& outcomes) {
  const auto seeds = static_cast<std::size_t>(settings.seeds);
  const std::size_t pieces = outcomes.front().curve.size();
  const auto images = static_cast<double>(settings.data.train.labels.size() * settings.epochs);
  std::vector<Run> runs;
  std::vector<Outcome> losses;
  for (std::size_t first = 0; first < study.runs.size(); first += seeds) {
    for (std::size_t piece = 0; piece < pieces; ++piece) {
      for (std::size_t k = first; k < first + seeds; ++k) {
        Run run = study.runs[k];
        run.series += ' ' + number(run.rate);
        run.x = images / 1000 * (static_cast<double>(piece) + 0.5) / static_cast<double>(pieces);
        runs.push_back(run);
        losses.push_back({{outcomes[k].curve[piece]}, {}});
      }
    }
  }
  return summarise(runs, losses);
}

/// Claims: with BatchNorm a network learns faster, and takes higher learning rates.
inline void study_lr(const Settings& settings) {
  Study study{"lr", "learning rate", loss_and_accuracy(), {}};
  for (const Norm norm : {Norm::none, Norm::batch}) {
    for (const double rate : {0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0}) {
      add_seeds(study.runs, settings, {name_of(norm), rate, rate, 0, {}},
                [&settings, norm, rate](std::uint64_t seed) {
                  return try_cnn(settings.data, norm, {64, rate, settings.epochs}, seed);
                });
    }
  }
  const std::vector<Outcome> outcomes = carry_out(study, settings);
  write_points(study, settings, summarise(study.runs, outcomes));
  write_dat(settings.out + "/lr_curves.dat", curves(study, settings, outcomes));
}

}  // namespace claims
