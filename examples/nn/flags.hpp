// SPDX-License-Identifier: MIT
#pragma once

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "nn/types.hpp"

namespace nn {

/// What the examples that train let you choose on the command line.
struct Flags {
  int epochs;
  Index batch_size;
  double learning_rate;
  std::uint64_t seed;
  std::string data;
};

/// CLI::PositiveNumber lets nan pass.
inline std::string positive_number(const std::string& text) {
  const double value = std::strtod(text.c_str(), nullptr);
  return std::isfinite(value) && value > 0 ? "" : "expected a positive number, got " + text;
}

/// The values in `flags` become the defaults that --help shows.
inline void add_flags(CLI::App& app, Flags& flags) {
  app.add_option("--epochs", flags.epochs, "Visits of all training samples")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--batch-size", flags.batch_size,
                 "Samples per step; at least 2, for batch statistics need more than one value")
      ->check(CLI::Range(2, 100000))
      ->capture_default_str();
  app.add_option("--lr", flags.learning_rate, "Learning rate of Adam")
      ->check(positive_number)
      ->capture_default_str();
  app.add_option("--seed", flags.seed, "Seed of all random numbers: the same seed, the same output")
      ->capture_default_str();
  app.add_option("--data", flags.data, "Folder that holds the data files")->capture_default_str();
}

}  // namespace nn
