// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <system_error>

namespace eigen_norm::test {

// An empty folder of the running test's own, gone with it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const auto* const info = testing::UnitTest::GetInstance()->current_test_info();
    std::string name = info->test_suite_name() + std::string(".") + info->name();
    std::replace(name.begin(), name.end(), '/', '.');  // of a test with a parameter
    // Another run of the same test may be at work, of another checkout.
    std::random_device random;
    do {
      folder_ = std::filesystem::path(testing::TempDir()) /
                ("eigen_norm." + name + "." + std::to_string(random()));
    } while (!std::filesystem::create_directory(folder_));
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  // How many files there are, which tells whether something was left behind.
  std::ptrdiff_t files() const {
    return std::distance(std::filesystem::directory_iterator(folder_), {});
  }

 private:
  std::filesystem::path folder_;
};

inline std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace eigen_norm::test
