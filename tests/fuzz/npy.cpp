// SPDX-License-Identifier: MIT
#include "eigen_norm/io/npy.hpp"

#include <cstring>
#include <stdexcept>
#include <string>

#include "fuzz/require.hpp"
#include "fuzz/target.hpp"

// The reader of .npy files: any bytes are refused with a message or are a tensor within them, which
// is the same once it has been written and read again.
namespace eigen_norm::test::fuzz {
namespace {

// Of the elements, as they lie: those of a file have no gaps.
bool same_tensor(const io::TensorView& a, const io::TensorView& b) {
  return a.type == b.type && a.swapped == b.swapped && a.shape == b.shape &&
         (a.shape.size() == 0 || std::memcmp(a.data, b.data, io::bytes_of(a)) == 0);
}

std::string written(const io::TensorView& view) {
  io::NpyBytes bytes(view, "fuzz");
  return bytes.header().append(static_cast<const char*>(bytes.data()), bytes.size());
}

void run(const std::string& file) {
  io::TensorView view;
  try {
    view = io::view_of_npy(file.data(), file.size(), "fuzz");
  } catch (const std::runtime_error& error) {
    require(std::string(error.what()).find("fuzz: expected ") == 0, "a message of another form");
    return;
  }
  const auto* const begin = static_cast<const char*>(view.data);
  require(begin >= file.data() && begin + io::bytes_of(view) == file.data() + file.size(),
          "a tensor that is not the rest of the file");
  const std::string again = written(view);
  const io::TensorView back = io::view_of_npy(again.data(), again.size(), "again");
  require(same_tensor(view, back), "another tensor once it has been written");
  require(written(back) == again, "other bytes once they have been read");
  if (!io::is_integer(view.type) && view.shape.rank() == 2) {
    const auto matrix = io::to_eigen<Eigen::MatrixXd>(view, "fuzz");
    require(matrix.rows() == view.shape[0] && matrix.cols() == view.shape[1], "another shape");
  }
}

}  // namespace
}  // namespace eigen_norm::test::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  eigen_norm::test::fuzz::run(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
