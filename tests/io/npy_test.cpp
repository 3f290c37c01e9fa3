// SPDX-License-Identifier: MIT
#include "eigen_norm/io/npy.hpp"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <unsupported/Eigen/CXX11/Tensor>

#include "support/errors.hpp"
#include "support/numpy.hpp"
#include "support/temporary_folder.hpp"

namespace eigen_norm {
namespace {

using io::load_npy;
using io::save_npy;
using io::TensorView;
using test::numpy_file;

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// The element at the i-th index, in row-major order, of the files in tests/data/numpy.
double counted(Index i) { return static_cast<double>(i - 3) / 4; }

RowMajor counted_matrix(Index rows, Index cols) {
  RowMajor m(rows, cols);
  for (Index i = 0; i < m.size(); ++i) m.data()[i] = static_cast<float>(counted(i));
  return m;
}

template <typename Object>
std::string saved(const Object& object) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("x.npy");
  save_npy(path, object);
  EXPECT_EQ(folder.files(), 1);
  return test::read_bytes(path);
}

std::string as_numpy_has_it(const std::string& name) { return test::read_bytes(numpy_file(name)); }

TEST(Npy, ReadsEveryTypeInBothByteOrders) {
  const Eigen::MatrixXd floats = counted_matrix(2, 3).cast<double>();
  for (const std::string type : {"f8", "f4", "f2"}) {
    EXPECT_EQ(load_npy<Eigen::MatrixXd>(numpy_file(type + ".npy")), floats);
    EXPECT_EQ(load_npy<Eigen::MatrixXd>(numpy_file(type + "_big_endian.npy")), floats);
  }
  using Integers = Eigen::Matrix<std::int64_t, Eigen::Dynamic, Eigen::Dynamic>;
  const Integers integers = (4 * floats).cast<std::int64_t>();
  for (const std::string type : {"i8", "i4"}) {
    EXPECT_EQ(load_npy<Integers>(numpy_file(type + ".npy")), integers);
    EXPECT_EQ(load_npy<Integers>(numpy_file(type + "_big_endian.npy")), integers);
  }
}

TEST(Npy, ReadsEveryVersion) {
  EXPECT_EQ(load_npy<RowMajor>(numpy_file("version_2.npy")), counted_matrix(2, 3));
  EXPECT_EQ(load_npy<RowMajor>(numpy_file("version_3.npy")), counted_matrix(2, 3));
}

TEST(Npy, ReadsEveryShape) {
  using Scalar = Eigen::Tensor<double, 0>;
  EXPECT_EQ(load_npy<Scalar>(numpy_file("scalar.npy"))(), counted(0));
  const auto vector = load_npy<Eigen::VectorXf>(numpy_file("vector.npy"));
  ASSERT_EQ(vector.size(), 5);
  EXPECT_EQ(vector[4], 0.25F);
  const auto empty = load_npy<Eigen::MatrixXf>(numpy_file("empty.npy"));
  EXPECT_TRUE(empty.rows() == 0 && empty.cols() == 3);
  const auto eight = load_npy<Eigen::Tensor<float, 8>>(numpy_file("eight_dimensions.npy"));
  EXPECT_EQ(eight(0, 1, 0, 2, 0, 1, 0, 0), static_cast<float>(counted(11)));
}

TEST(Npy, ReadsFortranOrderByIndex) {
  const auto tensor =
      load_npy<Eigen::Tensor<float, 3, Eigen::RowMajor>>(numpy_file("fortran_order.npy"));
  for (Index i = 0; i < tensor.size(); ++i) EXPECT_EQ(tensor.data()[i], float(counted(i)));
}

TEST(Npy, WritesWhatItReadsByteForByteAsNumPy) {
  for (const std::string name : {"f8", "f4", "f2", "i8", "i4", "f8_big_endian", "f4_big_endian",
                                 "f2_big_endian", "i8_big_endian", "i4_big_endian", "scalar",
                                 "vector", "empty", "eight_dimensions", "fortran_order"}) {
    const std::string bytes = as_numpy_has_it(name + ".npy");
    EXPECT_EQ(saved(io::view_of_npy(bytes.data(), bytes.size(), name)), bytes) << name;
  }
}

TEST(Npy, WritesEigenObjectsAsNumPyItsArrays) {
  if (!io::is_little_endian()) GTEST_SKIP() << "these files are of a machine of the other order";
  const RowMajor matrix = counted_matrix(2, 3);
  EXPECT_EQ(saved(matrix), as_numpy_has_it("f4.npy"));
  RowMajor larger = RowMajor::Zero(4, 5);
  larger.block(1, 1, 2, 3) = matrix;
  EXPECT_EQ(saved(larger.block(1, 1, 2, 3)), as_numpy_has_it("f4.npy"));
  const Eigen::VectorXf vector = counted_matrix(5, 1);
  EXPECT_EQ(saved(vector), as_numpy_has_it("vector.npy"));
  EXPECT_EQ(saved(counted(0)), as_numpy_has_it("scalar.npy"));
  const RowMajor empty(0, 3);
  EXPECT_EQ(saved(empty), as_numpy_has_it("empty.npy"));
  Eigen::Tensor<float, 3> tensor(2, 3, 4);  // column-major
  for (Index i = 0; i < 24; ++i) tensor(i / 12, i / 4 % 3, i % 4) = float(counted(i));
  EXPECT_EQ(saved(tensor), as_numpy_has_it("fortran_order.npy"));
}

TEST(Npy, KeepsSwappedBytesOfAViewWithGaps) {
  const std::string bytes =
      as_numpy_has_it(io::is_little_endian() ? "f4_big_endian.npy" : "f4.npy");
  TensorView view = io::view_of_npy(bytes.data(), bytes.size(), "f4");
  view.shape = {2, 2};
  const std::string block = saved(view);
  const TensorView back = io::view_of_npy(block.data(), block.size(), "block");
  EXPECT_TRUE(back.swapped);
  EXPECT_EQ(io::to_eigen<RowMajor>(back, "block"), counted_matrix(2, 3).leftCols(2));
}

TEST(Npy, RefusesWhatHasNoTypeInNumPy) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("x.npy");
  const Eigen::Array<Eigen::bfloat16, 2, 1> x(Eigen::bfloat16(1), Eigen::bfloat16(2));
  test::expect_error<std::invalid_argument>(path + ": expected a type that NumPy has, got BF16",
                                            [&] { save_npy(path, x); });
  EXPECT_EQ(folder.files(), 0);
}

TEST(Npy, NamesTheTypesItDoesNotRead) {
  const std::string expected = ".npy: expected dtype f8, f4, f2, i8 or i4, got ";
  struct {
    const char *name, *got;
  } const cases[] = {
      {"bool", "'|b1', 'fortran_order': ..."},    {"uint8", "'|u1', 'fortran_order': ..."},
      {"complex", "'<c8', 'fortran_order': ..."}, {"string", "'<U2', 'fortran_order': ..."},
      {"object", "'|O', 'fortran_order': F..."},  {"structured", "[('a', '<f4'), ('b', '<i..."},
  };
  for (const auto& [name, got] : cases) {
    const std::string path = numpy_file(std::string(name) + ".npy");
    test::expect_error<std::runtime_error>(numpy_file(name) + expected + got,
                                           [&] { load_npy<Eigen::VectorXf>(path); });
  }
  test::expect_error<std::runtime_error>(
      numpy_file("nine_dimensions.npy") + ": expected at most 8 dimensions, got more",
      [] { load_npy<Eigen::VectorXf>(numpy_file("nine_dimensions.npy")); });
}

TEST(Npy, SaysWhatDoesNotFitTheTypeAskedFor) {
  const std::string path = numpy_file("f4.npy");
  test::expect_error<std::invalid_argument>(path + ": expected (n), got (2, 3)",
                                            [&] { load_npy<Eigen::VectorXf>(path); });
  test::expect_error<std::invalid_argument>(path + ": expected I32, got F32",
                                            [&] { load_npy<Eigen::MatrixXi>(path); });
}

// The bytes of version 1.0 with this text and so many bytes of elements.
std::string file_of(const std::string& text, std::size_t bytes) {
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(text.size() % 256) +
         static_cast<char>(text.size() / 256) + text + std::string(bytes, '\0');
}

TEST(Npy, SaysWhatIsWrongWithAFile) {
  // Of 8 bytes each these are as many as a std::size_t counts from 0 again.
  const std::string overflowing = std::to_string(std::numeric_limits<std::size_t>::max() / 8 + 1);
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}\n";
  struct {
    std::string bytes, message;
  } const cases[] = {
      {"", "expected an .npy file, got something else"},
      {"PK\x03\x04", "expected an .npy file, got something else"},
      {"\x93NUMP", "expected an .npy file, got something else"},
      {"\x93NUMPY\x01", "expected a version of the format, got the end of the file"},
      {std::string("\x93NUMPY\x04\x00", 8),
       "expected version 1.0, 2.0 or 3.0 of the format, got 4.0"},
      {"\x93NUMPY\x01\x07", "expected version 1.0, 2.0 or 3.0 of the format, got 1.7"},
      {std::string("\x93NUMPY\x01\x00\x76", 9),
       "expected the length of the header, got the end of the file"},
      {std::string("\x93NUMPY\x02\x00\x76\x00", 10),
       "expected the length of the header, got the end of the file"},
      {std::string("\x93NUMPY\x01\x00\x76\x00{'descr'", 18),
       "expected a header of 118 bytes, got 8"},
      {std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff{}", 14),
       "expected a header of 4294967295 bytes, got 2"},
      {file_of(header, 23), "expected 6 elements of 4 bytes, got 23 bytes"},
      {file_of(header, 20), "expected 6 elements of 4 bytes, got 20 bytes"},
      {file_of(header, 28), "expected 6 elements of 4 bytes, got 28 bytes"},
      {file_of("{'descr': '<f8', 'fortran_order': False, 'shape': (" + overflowing + ",)}", 0),
       "expected " + overflowing + " elements of 8 bytes, got 0 bytes"},
  };
  for (const auto& [bytes, message] : cases) {
    const std::string file = bytes;
    test::expect_error<std::runtime_error>(
        "x.npy: " + message, [&] { io::view_of_npy(file.data(), file.size(), "x.npy"); });
  }
}

TEST(Npy, SaysWhyAFileCannotBeRead) {
  const std::string path = numpy_file("missing.npy");
  test::expect_error<std::runtime_error>(
      path + ": expected a file to read, got \"No such file or directory\"",
      [&] { load_npy<Eigen::VectorXf>(path); });
}

}  // namespace
}  // namespace eigen_norm
