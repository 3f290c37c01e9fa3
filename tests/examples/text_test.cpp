// SPDX-License-Identifier: MIT
#include "nn/text.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/vocabulary.hpp"
#include "nn/windows.hpp"
#include "support/errors.hpp"

namespace {

using nn::Index;
using nn::Labels;

/// A folder of its own for each test, gone with it.
class Text : public testing::Test {
 protected:
  Text()
      : folder_(testing::TempDir() + "eigen_norm_text_" +
                testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::create_directories(folder_);
  }
  ~Text() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + '/' + name, std::ios::binary) << text;
  }

  std::string folder_;
};

TEST_F(Text, of_a_folder_has_each_file_once_in_the_order_of_their_names) {
  write("b", "second\r\n");
  write("a", "first\n");
  std::filesystem::create_symlink("b", folder_ + "/0");
  std::filesystem::create_symlink("nowhere", folder_ + "/1");
  std::filesystem::create_directory(folder_ + "/c");
  EXPECT_EQ(nn::read_text(folder_), "first\nsecond\r\n");
  EXPECT_EQ(nn::read_text(folder_ + "/0"), "second\r\n");
}

TEST_F(Text, that_is_missing_or_empty_is_an_error) {
  using eigen_norm::test::expect_error;
  const std::string missing = folder_ + "/missing";
  expect_error<std::runtime_error>(
      missing + ": expected a text file or a folder of them, got \"No such file or directory\"",
      [&] { nn::read_text(missing); });
  expect_error<std::runtime_error>(folder_ + ": expected text, got none",
                                   [&] { nn::read_text(folder_); });
  write("empty", "");
  expect_error<std::runtime_error>(folder_ + "/empty: expected text, got none",
                                   [&] { nn::read_text(folder_ + "/empty"); });
}

TEST(Vocabulary, numbers_the_bytes_that_occur) {
  const std::string text =
      "b\xC3\xA4"
      "ab\n";
  const nn::Vocabulary vocabulary(text);
  EXPECT_EQ(vocabulary.size(), 5);
  const Labels tokens = vocabulary.encode(text);
  EXPECT_TRUE((tokens == (Labels(6) << 2, 4, 3, 1, 2, 0).finished()).all());
  std::string back;
  for (const int token : tokens) back += vocabulary.decode(token);
  EXPECT_EQ(back, text);
}

TEST(Windows, have_for_each_token_the_one_that_follows) {
  const Labels text = Labels::LinSpaced(10, 0, 9);
  const auto [tokens, next] = nn::windows(text, {6, 1}, 3);
  EXPECT_TRUE((tokens == (nn::Tokens(2, 3) << 6, 7, 8, 1, 2, 3).finished()).all());
  EXPECT_TRUE((next == (Labels(6) << 7, 8, 9, 2, 3, 4).finished()).all());
}

TEST(Windows, side_by_side_leave_out_a_rest_shorter_than_a_window) {
  EXPECT_EQ(nn::all_starts(Labels::Zero(10), 3), (std::vector<Index>{0, 3, 6}));
  EXPECT_EQ(nn::all_starts(Labels::Zero(9), 3), (std::vector<Index>{0, 3}));
  EXPECT_EQ(nn::all_starts(Labels::Zero(4), 3), (std::vector<Index>{0}));
}

TEST(Windows, begin_at_random_wherever_they_fit) {
  nn::Random random(1);
  std::vector<int> count(4);
  for (const Index start : nn::random_starts(Labels::Zero(7), 3, 4000, random)) {
    ++count.at(static_cast<std::size_t>(start));
  }
  for (const int c : count) EXPECT_NEAR(c, 1000, 150);
}

}  // namespace
