// SPDX-License-Identifier: MIT
#include "nn/fashion_mnist.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace {

const std::string content = "2 labels of Fashion-MNIST";

/// A file of the labels 7 and 9, or of these bytes.
class Labels : public testing::Test {
 protected:
  ~Labels() override { std::filesystem::remove(path_); }

  void write(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }
  void write_gzipped(const std::string& bytes, std::size_t kept = std::string::npos) const {
    gzFile file = gzopen(path_.c_str(), "wb");
    gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(file);
    std::ifstream in(path_, std::ios::binary);
    std::string packed{std::istreambuf_iterator<char>(in), {}};
    in.close();
    write(packed.substr(0, packed.size() - (kept == std::string::npos ? 0 : kept)));
  }

  void expect_error(const std::string& expected) const {
    try {
      nn::read_fashion_labels(path_, 2);
      FAIL() << "expected: " << expected;
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(std::string(error.what()), path_ + expected);
    }
  }

  std::string path_ = testing::TempDir() + "eigen_norm_labels_" +
                      testing::UnitTest::GetInstance()->current_test_info()->name();
  const std::string good_{"\0\0\x08\x01\0\0\0\x02\x07\x09", 10};
};

TEST_F(Labels, are_read_gzipped_or_plain) {
  write(good_);
  EXPECT_TRUE((nn::read_fashion_labels(path_, 2) == Eigen::Array2i(7, 9)).all());
  write_gzipped(good_);
  EXPECT_TRUE((nn::read_fashion_labels(path_, 2) == Eigen::Array2i(7, 9)).all());
}

TEST_F(Labels, that_are_missing_or_cut_off_are_errors) {
  expect_error(": expected " + content + ", got \"No such file or directory\"");
  write("");
  expect_error(": expected " + content + ", got the end of the file");
  write(good_.substr(0, 9));
  expect_error(": expected " + content + ", got the end of the file");
  write_gzipped(good_, 9);
  expect_error(": expected " + content + ", got a truncated gzip file");
}

TEST_F(Labels, of_another_kind_or_number_are_errors) {
  write(good_ + "\x01");
  expect_error(": expected " + content + ", got more bytes than that");
  write(std::string("\0\0\x08\x01\0\0\0\x03\x07\x09\x01", 11));
  expect_error(": expected " + content + ", got 3 instead of 2 in dimension 1");
  write(std::string("\0\0\x0d\x01\0\0\0\x02\x07\x09", 10));
  expect_error(": expected " + content + ", got another kind of file");
  write(std::string("\0\0\x08\x01\0\0\0\x02\x07\x0a", 10));
  expect_error(": expected labels from 0 to 9, got 10");
}

TEST(FashionMnist, that_is_not_installed_says_what_to_install) {
  try {
    nn::read_fashion_mnist("/nowhere");
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(
        std::string(error.what()),
        "/nowhere/train-images-idx3-ubyte.gz: expected 60000 images of 28 x 28 of "
        "Fashion-MNIST (Debian: apt-get install dataset-fashion-mnist), got \"No such file or "
        "directory\"");
  }
}

}  // namespace
