// SPDX-License-Identifier: MIT
#include "nn/checkpoint.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/types.hpp"
#include "support/temporary_folder.hpp"

namespace {

using nn::Index;

/// One value of each kind.
struct Values {
  Eigen::ArrayXf array = Eigen::ArrayXf::LinSpaced(1000, -3.0f, 4.0f);
  nn::Matrix<double> matrix = nn::Matrix<double>::Constant(2, 3, 0.1);
  Eigen::ArrayXf nothing;
  std::vector<Index> order{3, 1, 2};
  Index count = 7;
  double loss = 0.1;
  std::string text = "some words";

  template <typename Visit>
  void for_each_state(Visit&& visit) {
    visit("array", array);
    visit("matrix", matrix);
    visit("nothing", nothing);
    visit("order", order);
    visit("count", count);
    visit("loss", loss);
    visit("text", text);
  }
};

Values zeros() {
  Values values;
  values.array.setZero();
  values.matrix.setZero();
  values.order = {0, 0, 0};
  values.count = 0;
  values.loss = 0;
  values.text = "";
  return values;
}

class Checkpoint : public testing::Test {
 protected:
  void save(Values values = {}) const { nn::save_checkpoint(values, path_, "a test"); }

  std::string bytes() const { return eigen_norm::test::read_bytes(path_); }
  void write(const std::string& bytes) const { eigen_norm::test::write_bytes(path_, bytes); }

  /// Checks that this fails with `file: message`.
  void expect_error(const std::function<void()>& act, const std::string& message) const {
    try {
      act();
      FAIL() << "expected: " << message;
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(std::string(error.what()), path_ + ": " + message);
    }
  }
  void expect_error(const std::string& got) const {
    Values values;
    expect_error([&] { nn::load_checkpoint(values, path_, "a test"); },
                 "expected a checkpoint of a test, got " + got);
  }

  const eigen_norm::test::TemporaryFolder folder_;
  const std::string path_ = folder_.path("checkpoint");
};

TEST_F(Checkpoint, gives_back_the_very_values) {
  save();
  EXPECT_EQ(folder_.files(), 1);
  Values values = zeros();
  nn::load_checkpoint(values, path_, "a test");
  const Values expected;
  EXPECT_TRUE((values.array == expected.array).all());
  EXPECT_EQ(values.matrix, expected.matrix);
  EXPECT_EQ(values.nothing.size(), 0);
  EXPECT_EQ(values.order, expected.order);
  EXPECT_EQ(values.count, expected.count);
  EXPECT_EQ(values.loss, expected.loss);
  EXPECT_EQ(values.text, expected.text);
}

TEST_F(Checkpoint, stays_as_it_was_until_the_next_is_complete) {
  save();
  const std::string before = bytes();
  {
    nn::CheckpointWriter abandoned(path_, "a test");
    abandoned("count", Index{8});
  }
  EXPECT_EQ(bytes(), before);
  EXPECT_EQ(folder_.files(), 1);
  save(zeros());
  EXPECT_NE(bytes(), before);
}

TEST_F(Checkpoint, that_cannot_be_written_is_an_error) {
  std::filesystem::create_directory(path_);
  expect_error([&] { save(); }, "expected to write the file, got \"not a regular file\"");
  EXPECT_EQ(folder_.files(), 1);
  EXPECT_THROW(nn::CheckpointWriter(path_ + "/missing/file", "a test"), std::runtime_error);
}

TEST_F(Checkpoint, that_is_missing_or_of_another_kind_is_an_error) {
  expect_error("\"No such file or directory\"");
  write("");
  expect_error("the end of the file");
  write("1,2,3\n");
  expect_error("another kind of file");
  Values values;
  nn::save_checkpoint(values, path_, "another test");
  expect_error("one of another test");
}

TEST_F(Checkpoint, that_is_cut_off_anywhere_is_an_error) {
  save();
  const std::string whole = bytes();
  for (std::size_t size = 20; size < whole.size(); size += 97) {
    write(whole.substr(0, size));
    expect_error("a truncated gzip file");
  }
}

TEST_F(Checkpoint, with_a_wrong_byte_is_an_error) {
  save();
  std::string changed = bytes();
  changed[changed.size() / 2] ^= 1;
  write(changed);
  expect_error("\"incorrect data check\"");
}

TEST_F(Checkpoint, with_other_values_is_an_error) {
  const auto expect = [&](auto change, const std::string& got) {
    nn::CheckpointWriter out(path_, "a test");
    change(out);
    out.finish();
    expect_error(got);
  };
  const Values values;
  expect([&](auto& out) { out("weight", values.array); },
         "\"weight: 1000 x 4\" in place of \"array: 1000 x 4\"");
  expect([&](auto& out) { out("array", values.matrix); },
         "\"array: 6 x 8\" in place of \"array: 1000 x 4\"");
  expect([&](auto& out) { out("array", values.array); }, "the end of the file");
  expect(
      [&](auto& out) {
        Values().for_each_state(out);
        out("more", 1);
      },
      "more bytes than that");
}

}  // namespace
