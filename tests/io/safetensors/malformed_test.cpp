// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <stdexcept>
#include <string>

#include "eigen_norm/io/safetensors.hpp"
#include "support/errors.hpp"

// Each file of tests/data/safetensors/malformed/ has one fault, which its name says, and meets the
// message that the table of docs/safetensors.md shows for it.
namespace eigen_norm {
namespace {

const std::filesystem::path tests_data = EIGEN_NORM_TEST_DATA_DIR;

// Of | what is wrong | `model.safetensors: message` |.
std::map<std::string, std::string> messages_of_the_page() {
  std::ifstream page(tests_data / "../../docs/safetensors.md");
  const std::regex row("\\| (.+) \\| `model\\.safetensors(: .+)` \\|");
  std::map<std::string, std::string> messages;
  std::smatch match;
  for (std::string line; std::getline(page, line);) {
    if (std::regex_match(line, match, row)) {
      EXPECT_TRUE(messages.emplace(match[1], match[2]).second) << line;
    }
  }
  return messages;
}

// "data_cut_off.safetensors" is "data cut off".
std::string fault_of(const std::filesystem::path& file) {
  return std::regex_replace(file.stem().string(), std::regex("_"), " ");
}

TEST(SafetensorsMalformed, MeetsTheMessageOfThePage) {
  std::map<std::string, std::string> messages = messages_of_the_page();
  for (const auto& file :
       std::filesystem::directory_iterator(tests_data / "safetensors/malformed")) {
    const std::string fault = fault_of(file.path());
    SCOPED_TRACE(fault);
    ASSERT_EQ(messages.count(fault), 1U);
    test::expect_error<std::runtime_error>(file.path().string() + messages[fault],
                                           [&] { io::read_safetensors(file.path().string()); });
    messages.erase(fault);
  }
  for (const auto& without_file : messages) ADD_FAILURE() << without_file.first;
}

TEST(SafetensorsMalformed, IsEveryFileThatEndsTooEarlyOrGoesOn) {
  const std::string path = (tests_data / "safetensors/same/batch_norm.safetensors").string();
  std::ifstream stream(path, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(stream), {}};
  const auto is_refused = [](const std::string& file) {
    try {
      io::parse_safetensors(file, nullptr, "file");
      return false;
    } catch (const std::runtime_error&) {
      return true;
    }
  };
  ASSERT_FALSE(is_refused(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_TRUE(is_refused(whole.substr(0, size))) << size;
  }
  EXPECT_TRUE(is_refused(whole + '\0'));
}

}  // namespace
}  // namespace eigen_norm
