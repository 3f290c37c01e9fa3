// SPDX-License-Identifier: MIT
#include "eigen_norm/io/mapped_file.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

namespace eigen_norm {
namespace {

using io::MappedFile;

TEST(MappedFile, HoldsTheBytesOfTheFile) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("state");
  test::write_bytes(path, "some bytes");
  const auto file = MappedFile::open(path);
  EXPECT_EQ(std::string_view(file->data(), file->size()), "some bytes");
}

TEST(MappedFile, OutlivesTheFileOnTheDisk) {
  std::shared_ptr<const MappedFile> file;
  {
    const test::TemporaryFolder folder;
    const std::string path = folder.path("state");
    test::write_bytes(path, "some bytes");
    file = MappedFile::open(path);
  }
  EXPECT_EQ(std::string_view(file->data(), file->size()), "some bytes");
}

TEST(MappedFile, OfAnEmptyFileIsEmpty) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("state");
  test::write_bytes(path, "");
  EXPECT_EQ(MappedFile::open(path)->size(), 0U);
}

TEST(MappedFile, SaysWhyItCannotBeRead) {
  const test::TemporaryFolder folder;
  const std::string missing = folder.path("missing"), itself = folder.path("");
  test::expect_error<std::runtime_error>(
      missing + ": expected a file to read, got \"No such file or directory\"",
      [&] { MappedFile::open(missing); });
  test::expect_error<std::runtime_error>(
      itself + ": expected a file to read, got \"not a regular file\"",
      [&] { MappedFile::open(itself); });
}

#ifdef EIGEN_NORM_HAS_MMAP
// Where there are 32 bits of addresses, and files may be larger or not.
TEST(MappedFile, IsTheWholeFileOrAnError) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("state");
  test::write_bytes(path, "");
  const std::uintmax_t size = (std::uintmax_t{1} << 32) + 4;
  std::filesystem::resize_file(path, size);  // of zeros that the disk does not have
  if (sizeof(std::size_t) == 8) {
    EXPECT_EQ(MappedFile::open(path)->size(), size);
    return;
  }
  const std::string reason = sizeof(off_t) == 8 ? "more bytes than there are addresses"
                                                : "Value too large for defined data type";
  test::expect_error<std::runtime_error>(path + ": expected a file to read, got \"" + reason + '"',
                                         [&] { MappedFile::open(path); });
}

TEST(MappedFile, DoesNotWaitForTheOtherEndOfAPipe) {
  const test::TemporaryFolder folder;
  const std::string pipe = folder.path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  test::expect_error<std::runtime_error>(
      pipe + ": expected a file to read, got \"not a regular file\"",
      [&] { MappedFile::open(pipe); });
}
#endif

}  // namespace
}  // namespace eigen_norm
