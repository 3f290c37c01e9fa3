// SPDX-License-Identifier: MIT
#include "eigen_norm/io/npz.hpp"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "eigen_norm/batch_norm.hpp"
#include "eigen_norm/io/model_state.hpp"
#include "support/errors.hpp"
#include "support/numpy.hpp"
#include "support/temporary_folder.hpp"

namespace eigen_norm {
namespace {

using io::load_npz;
using io::save_npz;
using io::StateDict;
using test::numpy_file;

class NpzOfNumPy : public testing::TestWithParam<const char*> {};

TEST_P(NpzOfNumPy, IsRead) {
  const StateDict state = load_npz(numpy_file(GetParam()));
  ASSERT_EQ(state.size(), 3U);
  const auto a = state.get<Eigen::MatrixXf>("a");
  ASSERT_TRUE(a.rows() == 2 && a.cols() == 3);
  EXPECT_EQ(a(1, 2), 0.5F);
  EXPECT_EQ(state.get<Eigen::VectorXd>("b"), Eigen::Vector4d(-0.75, -0.5, -0.25, 0));
  using Number = Eigen::Tensor<std::int64_t, 0>;
  EXPECT_EQ(state.get<Number>("layer.count")(), -3);
}

TEST_P(NpzOfNumPy, IsTheSameBytesOnceItHasBeenSavedHere) {
  const test::TemporaryFolder folder;
  const std::string first = folder.path("first.npz"), second = folder.path("second.npz");
  save_npz(first, load_npz(numpy_file(GetParam())));
  save_npz(second, load_npz(first));
  EXPECT_EQ(test::read_bytes(second), test::read_bytes(first));
}

INSTANTIATE_TEST_SUITE_P(Npz, NpzOfNumPy,
                         testing::Values("stored.npz", "deflated.npz", "zip64.npz"));

TEST(Npz, IsReadWhenItIsEmptyOrCompressedByThousands) {
  EXPECT_EQ(load_npz(numpy_file("empty.npz")).size(), 0U);
  EXPECT_TRUE(load_npz(numpy_file("zeros.npz")).get<Eigen::VectorXf>("zeros").isZero(0));
}

TEST(Npz, SavesAndLoadsAModel) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("model.npz");
  BatchNorm1d<float> norm(3), loaded(3);
  norm.gamma() << 1, 2, 3;
  norm.running_mean() << 4, 5, 6;
  norm.num_batches_tracked() = 7;
  StateDict state;
  state.add("", norm);
  save_npz(path, state);
  EXPECT_EQ(folder.files(), 1);
  io::load(load_npz(path), loaded);
  EXPECT_TRUE((loaded.gamma() == norm.gamma()).all());
  EXPECT_TRUE((loaded.running_mean() == norm.running_mean()).all());
  EXPECT_EQ(loaded.num_batches_tracked(), 7);
}

TEST(Npz, IsTheSameBytesInEveryTimeZone) {
  const test::TemporaryFolder folder;
  const StateDict state = load_npz(numpy_file("stored.npz"));
  std::vector<std::string> files;
  for (const char* const zone : {"UTC0", "PST8PDT", "JST-9"}) {
    setenv("TZ", zone, 1);
    save_npz(folder.path(zone), state);
    files.push_back(test::read_bytes(folder.path(zone)));
  }
  unsetenv("TZ");
  EXPECT_EQ(files[1], files[0]);
  EXPECT_EQ(files[2], files[0]);
}

// The interpreter that has NumPy, or nothing: Debian's, or the first on the path.
std::string python_with_numpy() {
  for (const std::string python : {"/usr/bin/python3", "python3"}) {
    if (std::system((python + " -c 'import numpy' >/dev/null 2>&1").c_str()) == 0) return python;
  }
  return "";
}

TEST(Npz, IsReadByNumPy) {
  const std::string python = python_with_numpy();
  if (python.empty()) GTEST_SKIP() << "there is no Python with NumPy";
  const test::TemporaryFolder folder;
  for (const std::string name : {"stored.npz", "keras.npz", "flax.npz"}) {
    const std::string path = folder.path(name), original = numpy_file(name);
    save_npz(path, load_npz(original));
    EXPECT_EQ(std::system((python + " '" + numpy_file("read_files.py") + "' '" + path + "' '" +
                           original + "' >/dev/null")
                              .c_str()),
              0)
        << name;
  }
}

// A copy of one of NumPy's files in which something is wrong.
class Faulty {
 public:
  explicit Faulty(const std::string& name) : bytes(test::read_bytes(numpy_file(name))) {}

  // The value of a field of the first member in the directory at the end.
  Faulty& directory(std::size_t offset, int size, std::uint64_t value) {
    const std::size_t at = bytes.find("PK\x01\x02") + offset;
    for (int i = 0; i < size; ++i)
      bytes[at + static_cast<std::size_t>(i)] = static_cast<char>(value >> (8 * i));
    return *this;
  }
  Faulty& replace(const std::string& from, const std::string& to) {
    for (std::size_t at; (at = bytes.find(from)) != bytes.npos;) bytes.replace(at, from.size(), to);
    return *this;
  }

  std::string bytes;
};

// Of the directory's fields the offset and the size in bytes.
constexpr std::size_t method = 10, checksum = 16, packed_size = 20, size = 24, local_header = 42;

// The bytes of an archive of one member, which is as it should be.
std::string zip_of(const std::string& name, std::string contents) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("archive.zip");
  io::ZipWriter archive(path);
  archive.add(name, contents, nullptr, 0);
  archive.commit();
  return test::read_bytes(path);
}

// An archive of two members that are the same bytes of the file.
std::string zip_that_shares_a_member() {
  std::string bytes = zip_of("a.npy", test::read_bytes(numpy_file("f8.npy")));
  const std::size_t directory = bytes.find("PK\x01\x02"), end = bytes.find("PK\x05\x06");
  std::string second = bytes.substr(directory, end - directory);
  second.replace(second.find("a.npy"), 1, "b");
  bytes.insert(end, second);
  // Of what is at the end: the members twice, and the size of the directory.
  char* const counts = &bytes[end + second.size()];
  counts[8] = counts[10] = 2;
  counts[12] = static_cast<char>(2 * second.size());
  return bytes;
}

TEST(Npz, SaysWhatIsWrongWithAFile) {
  const std::string stored = test::read_bytes(numpy_file("stored.npz"));
  const auto stored_with = [] { return Faulty("stored.npz"); };
  const auto deflated_with = [] { return Faulty("deflated.npz"); };
  const std::string no_zip = ": expected a zip archive, got \"Not a zip archive\"";
  const std::string fault = ": a.npy: expected a member without fault, got ";
  struct {
    std::string bytes, message;
  } const cases[] = {
      {"", ": expected a zip archive, got an empty file"},
      {"\x93NUMPY and more", no_zip},
      {stored.substr(0, stored.size() - 1), no_zip},
      {stored.substr(0, stored.size() / 2), no_zip},
      {stored_with().replace("a.npy", "b.npy").bytes,
       ": b.npy: expected each name once, got a second"},
      {stored_with().replace("a.npy", "a.txt").bytes,
       ": a.txt: expected a name that ends in .npy, got another"},
      {stored_with().replace("a.npy", ".npyz").bytes,
       ": .npyz: expected a name that ends in .npy, got another"},
      {stored_with().replace("NUMPY", "bytes").bytes, fault + "\"CRC error\""},
      {stored_with().directory(checksum, 4, 1).bytes, fault + "\"CRC error\""},
      {stored_with().directory(size, 4, 1000).bytes,
       ": a.npy: expected a size that 152 bytes can hold, got 1000"},
      {stored_with().directory(size, 4, 1 << 30).directory(packed_size, 4, 1 << 30).bytes,
       ": expected members within the 808 bytes of the file, got more"},
      {stored_with().directory(size, 4, 100).bytes, ": a.npy: expected 100 bytes, got more"},
      {stored_with().directory(method, 2, 12).bytes,
       ": a.npy: expected a stored or deflated member, got compression method 12"},
      {stored_with().directory(local_header, 4, 1 << 20).bytes,
       ": a.npy: expected a member to read, got \"Invalid argument\""},
      {deflated_with().directory(size, 4, 1 << 30).bytes,
       ": a.npy: expected a size that 88 bytes can hold, got 1073741824"},
      {deflated_with().directory(size, 4, 500).bytes, ": a.npy: expected 500 bytes, got 152"},
      {deflated_with().directory(size, 4, 100).bytes, ": a.npy: expected 100 bytes, got more"},
      {deflated_with().directory(packed_size, 4, 50).bytes, fault + "\"CRC error\""},
      {deflated_with().directory(checksum, 4, 1).bytes, fault + "\"CRC error\""},
      {zip_that_shares_a_member(), ": expected members within the 335 bytes of the file, got more"},
      {zip_of("a.npy", "some text"), ": a.npy: expected an .npy file, got something else"},
      {zip_of("a.npy", std::string("\x93NUMPY\x01\x00\x02\x00{}", 12)),
       ": a.npy: expected the keys 'descr', 'fortran_order' and 'shape' in the header, got fewer"},
  };
  const test::TemporaryFolder folder;
  const std::string path = folder.path("x.npz");
  for (const auto& [bytes, message] : cases) {
    test::write_bytes(path, bytes);
    test::expect_error<std::runtime_error>(path + message, [&] { load_npz(path); });
  }
}

TEST(Npz, SaysWhatCannotBeSaved) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("x.npz");
  test::write_bytes(path, "old");
  const Eigen::Array2f x(1, 2);
  const Eigen::Array<Eigen::bfloat16, 2, 1> brief(Eigen::bfloat16(1), Eigen::bfloat16(2));
  StateDict empty, without_type, with_null, not_utf8;
  without_type.add("x", brief);
  with_null.add(std::string("a\0b", 3), x);
  not_utf8.add("\xff", x);
  test::expect_error<std::invalid_argument>(path + ": expected a state to save, got an empty one",
                                            [&] { save_npz(path, empty); });
  test::expect_error<std::invalid_argument>(path + ": x: expected a type that NumPy has, got BF16",
                                            [&] { save_npz(path, without_type); });
  test::expect_error<std::invalid_argument>(
      path + ": expected names without null characters, got one in a...",
      [&] { save_npz(path, with_null); });
  test::expect_error<std::runtime_error>(
      path + ": expected to add \xff.npy, got \"Invalid argument\"",
      [&] { save_npz(path, not_utf8); });
  EXPECT_EQ(test::read_bytes(path), "old");
  EXPECT_EQ(folder.files(), 1);
}

TEST(Npz, SaysWhyAFileCannotBeReadOrWritten) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("nowhere/x.npz");
  test::expect_error<std::runtime_error>(
      path + ": expected a file to read, got \"No such file or directory\"",
      [&] { load_npz(path); });
  const StateDict state = load_npz(numpy_file("stored.npz"));
  test::expect_error<std::runtime_error>(
      path +
          ": expected to write the file, got \"Failure to create temporary file: No such file or "
          "directory\"",
      [&] { save_npz(path, state); });
  test::expect_error<std::runtime_error>(
      folder.path("") + ": expected to write the file, got \"Operation not supported\"",
      [&] { save_npz(folder.path(""), state); });
}

}  // namespace
}  // namespace eigen_norm
