// SPDX-License-Identifier: MIT
#include "eigen_norm/io/atomic_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <stdexcept>

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

namespace eigen_norm {
namespace {

using io::AtomicFile;

TEST(AtomicFile, ReplacesTheOldFileWhenItIsComplete) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("state");
  test::write_bytes(path, "old");
  AtomicFile file(path);
  file.write("new ", 4);
  file.write("file", 4);
  EXPECT_EQ(test::read_bytes(path), "old");
  file.commit();
  EXPECT_EQ(test::read_bytes(path), "new file");
  EXPECT_EQ(folder.files(), 1);
}

// As an empty array has no address; the sanitizer minds.
TEST(AtomicFile, WritesNothingFromNowhere) {
  const test::TemporaryFolder folder;
  AtomicFile file(folder.path("state"));
  file.write(nullptr, 0);
  file.commit();
  EXPECT_EQ(test::read_bytes(folder.path("state")), "");
}

TEST(AtomicFile, LeavesTheOldFileWhenItIsAbandoned) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("state");
  test::write_bytes(path, "old");
  {
    AtomicFile file(path);
    file.write("new", 3);
  }
  EXPECT_EQ(test::read_bytes(path), "old");
  EXPECT_EQ(folder.files(), 1);
}

TEST(AtomicFile, OfTwoWritersTakesTheLastToComplete) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("state");
  AtomicFile first(path), second(path);
  first.write("first", 5);
  second.write("second", 6);
  second.commit();
  first.commit();
  EXPECT_EQ(test::read_bytes(path), "first");
  EXPECT_EQ(folder.files(), 1);
}

TEST(AtomicFile, SaysWhyItCannotBeWritten) {
  const test::TemporaryFolder folder;
  const std::string nowhere = folder.path("nowhere/state");
  test::expect_error<std::runtime_error>(
      nowhere + ": expected to write the file, got \"No such file or directory\"",
      [&] { AtomicFile file(nowhere); });
}

TEST(AtomicFile, RefusesWhatIsNoFile) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("state");
  std::filesystem::create_directories(path);
  test::expect_error<std::runtime_error>(
      path + ": expected to write the file, got \"not a regular file\"",
      [&] { AtomicFile file(path); });
  EXPECT_EQ(folder.files(), 1);
}

TEST(AtomicFile, LeavesNothingBehindWhereItCannotTakeThePlace) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("state");
  test::expect_error<std::runtime_error>(
      path + ": expected to write the file, got \"Is a directory\"", [&] {
        AtomicFile file(path);
        std::filesystem::create_directories(path + "/meanwhile");
        file.commit();
      });
  EXPECT_EQ(folder.files(), 1);
}

TEST(AtomicFile, KeepsThePermissionsOfTheOldFile) {
  namespace fs = std::filesystem;
  const test::TemporaryFolder folder;
  const std::string path = folder.path("state");
  test::write_bytes(path, "secret");
  const fs::perms mine = fs::perms::owner_read | fs::perms::owner_write;
  fs::permissions(path, mine);
  AtomicFile file(path);
  file.write("new", 3);
  file.commit();
  EXPECT_EQ(fs::status(path).permissions(), mine);
  EXPECT_EQ(test::read_bytes(path), "new");
}

TEST(AtomicFile, ReplacesWhatALinkPointsTo) {
  namespace fs = std::filesystem;
  const test::TemporaryFolder folder;
  const std::string path = folder.path("latest"), target = folder.path("state");
  test::write_bytes(target, "old");
  fs::create_symlink("state", path);
  AtomicFile file(path);
  file.write("new", 3);
  file.commit();
  EXPECT_TRUE(fs::is_symlink(path));
  EXPECT_EQ(test::read_bytes(target), "new");
}

}  // namespace
}  // namespace eigen_norm
