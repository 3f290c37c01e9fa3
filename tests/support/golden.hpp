// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include "support/logical.hpp"

namespace eigen_norm::test {

// One layer with its options, its inputs and the answers another library gave. The format is
// described in data/torch/make_goldens.py, which writes these files.
struct GoldenCase {
  std::string name;
  std::map<std::string, std::string> options;
  std::map<std::string, Logical> arrays;

  // The option, or the array, of that name; a case without it throws std::runtime_error.
  const std::string& option(const std::string& key) const;
  bool flag(const std::string& key) const { return option(key) == "true"; }
  double number(const std::string& key) const { return std::stod(option(key)); }
  const Logical& array(const std::string& key) const;
  bool has(const std::string& key) const { return arrays.count(key) > 0; }
  // A parameter's values; none where the layer has no such parameter.
  Values parameter(const std::string& key) const { return has(key) ? array(key).values : Values(); }
};

// The cases of a file in the folder of test data; an unreadable file throws std::runtime_error with
// its name and line.
std::vector<GoldenCase> read_goldens(const std::string& file);

}  // namespace eigen_norm::test
