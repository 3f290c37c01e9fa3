// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include "support/onnx.hpp"

namespace eigen_norm::test {

// Tests that need the ONNX data are skipped where it is not installed.
class Onnx : public testing::Test {
 protected:
  void SetUp() override {
    if (onnx::data_folder().empty()) {
      GTEST_SKIP() << "no ONNX test data; on Debian: apt-get install libonnx-testdata";
    }
  }
};

}  // namespace eigen_norm::test
