// SPDX-License-Identifier: MIT
#include "eigen_norm/io/packed_bytes.hpp"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <string>

namespace eigen_norm {
namespace {

using io::view_of;
using RowMajor = Eigen::Matrix<std::int32_t, 2, 3, Eigen::RowMajor>;

const RowMajor values = (RowMajor() << 1, 2, 3, -4, 5, 6).finished();

struct Written {
  std::string bytes;
  const void* from = nullptr;
};

template <typename View>
Written written(const View& view, bool swapped = false) {
  Written result;
  io::write_packed(view, swapped, [&](const void* from, std::size_t size) {
    result.bytes.append(static_cast<const char*>(from), size);
    result.from = from;
  });
  return result;
}

std::string bytes_of(const RowMajor& matrix) {
  return {reinterpret_cast<const char*>(matrix.data()), sizeof(std::int32_t) * 6};
}

TEST(WritePacked, CopiesNothingThatIsPacked) {
  const Written as_it_is = written(view_of(values));
  EXPECT_EQ(as_it_is.bytes, bytes_of(values));
  EXPECT_EQ(as_it_is.from, values.data());
}

TEST(WritePacked, PacksColumnsAndBlocks) {
  const Eigen::Matrix<std::int32_t, 2, 3> columns = values;
  EXPECT_EQ(written(view_of(columns)).bytes, bytes_of(values));
  Eigen::Matrix<std::int32_t, 4, 5> around = Eigen::Matrix<std::int32_t, 4, 5>::Zero();
  auto block = around.block(1, 2, 2, 3);
  block = values;
  EXPECT_EQ(written(view_of(block)).bytes, bytes_of(values));
}

TEST(WritePacked, TurnsBytesRound) {
  RowMajor turned;
  std::transform(values.data(), values.data() + 6, turned.data(), [](std::int32_t value) {
    auto* const bytes = reinterpret_cast<char*>(&value);
    std::reverse(bytes, bytes + sizeof(value));
    return value;
  });
  EXPECT_EQ(written(view_of(values), true).bytes, bytes_of(turned));

  io::TensorView view = view_of(turned);
  view.swapped = true;
  EXPECT_EQ(written(view).bytes, bytes_of(values));
  EXPECT_EQ(written(view, true).bytes, bytes_of(turned));
}

TEST(WritePacked, OfNothingWritesNothing) {
  const Eigen::MatrixXf empty(0, 3);
  EXPECT_EQ(written(view_of(empty)).bytes, "");
}

}  // namespace
}  // namespace eigen_norm
