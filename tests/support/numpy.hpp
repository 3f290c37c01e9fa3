// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace eigen_norm::test {

// The path of a file that tests/data/numpy/make_files.py wrote.
inline std::string numpy_file(const std::string& name) {
  return std::string(EIGEN_NORM_TEST_DATA_DIR) + "/numpy/" + name;
}

}  // namespace eigen_norm::test
