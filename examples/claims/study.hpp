// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "claims/data.hpp"
#include "claims/run_all.hpp"
#include "claims/trial.hpp"
#include "claims/write.hpp"

namespace claims {

struct Settings {
  const Data& data;
  int seeds;
  int threads;
  int epochs;       ///< twice to see all training samples, but once for a quick look
  std::string out;  ///< folder
};

/// What most studies measure.
inline std::vector<Column> loss_and_accuracy() {
  return {{"Training loss", 3}, {"Test accuracy in %", 1}};
}

/// The same run with each seed, one after the other; train gets the seed.
template <typename Train>
void add_seeds(std::vector<Run>& runs, const Settings& settings, const Run& run,
               const Train& train) {
  for (int s = 1; s <= settings.seeds; ++s) {
    runs.push_back(run);
    runs.back().seed = static_cast<std::uint64_t>(s);
    runs.back().train = [train, seed = runs.back().seed] { return train(seed); };
  }
}

/// A study by the name of its files; x_name says what varies.
struct Study {
  std::string name, x_name;
  std::vector<Column> columns;
  std::vector<Run> runs;
  std::string (*x_text)(double) = [](double x) { return number(x); };  ///< as tables show it
};

/// Trains all; every run is written as it came out.
inline std::vector<Outcome> carry_out(const Study& study, const Settings& settings) {
  std::vector<Outcome> outcomes = run_all(study.name, study.runs, settings.threads);
  write_csv(settings.out + '/' + study.name + ".csv", study.x_name, study.columns, study.runs,
            outcomes);
  return outcomes;
}

/// For gnuplot, and as tables, which are printed, too.
inline void write_points(const Study& study, const Settings& settings,
                         const std::vector<Point>& points) {
  const std::string path = settings.out + '/' + study.name;
  write_dat(path + ".dat", points);
  const std::string text = tables(study.x_name, study.x_text, study.columns, points);
  OutputFile(path + ".md") << text;
  std::printf("%s\n%s\n", study.name.c_str(), text.c_str());
  std::fflush(stdout);
}

}  // namespace claims
