// SPDX-License-Identifier: MIT
#include "eigen_norm/io/safetensors/writer.hpp"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cstdint>
#include <string>

#include "eigen_norm/io/safetensors.hpp"

namespace eigen_norm {
namespace {

using io::serialize_safetensors;
using io::StateDict;

std::string header_of(const std::string& file) {
  return std::string(io::safetensors_header_text(file, "file"));
}

TEST(SafetensorsWriter, SortsByAlignmentThenByTheBytesOfTheName) {
  const double f64 = 0;
  const float f32 = 0;
  const std::int64_t i64 = 0;
  const std::int32_t i32 = 0;
  const Eigen::Array<Eigen::half, 1, 1> f16(Eigen::half(0));
  const Eigen::Array<Eigen::bfloat16, 1, 1> bf16(Eigen::bfloat16(0));
  StateDict state;
  state.add("a", f16);
  state.add("b", bf16);
  state.add("c", i32);
  state.add("d", f32);
  state.add("e", f64);
  state.add("f", i64);
  state.add("Z", f32);
  state.add("\xC3\xA9", f32);
  EXPECT_EQ(header_of(serialize_safetensors(state)),
            "{\"f\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
            "\"e\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[8,16]},"
            "\"Z\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[16,20]},"
            "\"d\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[20,24]},"
            "\"\xC3\xA9\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[24,28]},"
            "\"c\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[28,32]},"
            "\"b\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[32,34]},"
            "\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[34,36]}}      ");
}

TEST(SafetensorsWriter, WritesColumnMajorAndStridedTensorsAsRowMajorOnes) {
  const Eigen::Matrix<float, 3, 4, Eigen::RowMajor> rows =
      Eigen::Matrix<float, 3, 4, Eigen::RowMajor>::Random();
  const Eigen::MatrixXf columns = rows;
  Eigen::MatrixXf around = Eigen::MatrixXf::Zero(5, 7);
  around.block(1, 2, 3, 4) = rows;
  const auto written = [](const auto& matrix) {
    StateDict state;
    state.add("x", matrix);
    return serialize_safetensors(state);
  };
  EXPECT_EQ(written(columns), written(rows));
  const auto block = around.block(1, 2, 3, 4);
  EXPECT_EQ(written(block), written(rows));
}

TEST(SafetensorsWriter, PadsTheHeaderToEightBytes) {
  for (std::size_t length = 0; length < 9; ++length) {
    const double x = 1;
    StateDict state;
    state.add(std::string(length, 'x'), x);
    const std::string header = header_of(serialize_safetensors(state));
    EXPECT_EQ(header.size() % 8, 0U) << length;
    EXPECT_LT(header.size() - header.rfind('}'), 9U) << length;
  }
}

}  // namespace
}  // namespace eigen_norm
