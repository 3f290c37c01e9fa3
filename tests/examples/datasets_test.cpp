// SPDX-License-Identifier: MIT
#include "nn/datasets.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>

namespace {

/// A folder of its own for each test, gone with it.
class Datasets : public testing::Test {
 protected:
  Datasets()
      : folder_(testing::TempDir() + "eigen_norm_" +
                testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::create_directories(folder_);
  }
  ~Datasets() override { std::filesystem::remove_all(folder_); }

  void write_patients(const std::string& text) const {
    std::ofstream(folder_ + "/breast_cancer.csv") << text;
  }

  void write_digits(const std::string& text) const {
    gzFile file = gzopen((folder_ + "/digits.csv.gz").c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
  }

  /// Checks that reading fails with `file:line: message` or whatever follows the folder.
  void expect_error(const std::function<void(const std::string&)>& read,
                    const std::string& expected) const {
    try {
      read(folder_);
      FAIL() << "expected: " << expected;
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(std::string(error.what()), folder_ + expected);
    }
  }

  std::string folder_;
};

const std::string header = "569,30,malignant,benign\n";

std::string patient(const std::string& first, const std::string& last) {
  std::string row = first;
  for (int i = 0; i < 29; ++i) {
    row += ",1.5";
  }
  return row + ',' + last + '\n';
}

std::string image(const std::string& first, const std::string& last) {
  std::string row = first;
  for (int i = 0; i < 63; ++i) {
    row += ",16";
  }
  return row + ',' + last + '\n';
}

TEST_F(Datasets, hold_what_their_readme_says) {
  const nn::Patients patients = nn::read_breast_cancer(EIGEN_NORM_EXAMPLES_DATA_DIR);
  EXPECT_EQ(patients.features.rows(), 569);
  EXPECT_EQ(patients.features.cols(), 30);
  EXPECT_EQ(patients.malignant.sum(), 212);
  EXPECT_EQ(patients.features(0, 0), 17.99);

  const nn::Digits digits = nn::read_digits(EIGEN_NORM_EXAMPLES_DATA_DIR);
  EXPECT_EQ(digits.images.dimension(0), 1797);
  EXPECT_EQ(digits.images(0, 0, 0, 2), 5.0f / 16.0f);
  EXPECT_EQ(digits.digits.minCoeff(), 0);
  EXPECT_EQ(digits.digits.maxCoeff(), 9);
}

TEST_F(Datasets, name_a_missing_file) {
  expect_error(nn::read_breast_cancer,
               "/breast_cancer.csv: expected the breast cancer data (569 patients, 30 features), "
               "got \"No such file or directory\"");
  expect_error(nn::read_digits,
               "/digits.csv.gz: expected the handwritten digits (1797 images of 8 x 8), "
               "got \"No such file or directory\"");
}

TEST_F(Datasets, name_a_wrong_header) {
  write_patients("568,30,malignant,benign\n");
  expect_error(nn::read_breast_cancer,
               "/breast_cancer.csv:1: expected the header 569,30,malignant,benign, "
               "got \"568,30,malignant,benign\"");
}

TEST_F(Datasets, name_a_line_with_too_few_values) {
  write_patients(header + patient("1", "0") + "1,2,3\n");
  expect_error(nn::read_breast_cancer,
               "/breast_cancer.csv:3: expected patient 2 of 569 (31 values), got 3 values");
}

TEST_F(Datasets, name_a_file_that_ends_too_early) {
  write_patients(header + patient("1", "0") + patient("1", "1"));
  expect_error(
      nn::read_breast_cancer,
      "/breast_cancer.csv:4: expected patient 3 of 569 (31 values), got the end of the file");
}

TEST_F(Datasets, name_a_value_that_is_no_number) {
  for (const std::string cell : {"", "abc", "1.5x", "nan", "-1", "inf", "1e999"}) {
    write_patients(header + patient("1", "0") + patient(cell, "0"));
    expect_error(
        nn::read_breast_cancer,
        "/breast_cancer.csv:3: expected a number of at least 0 in column 1, got \"" + cell + '"');
  }
}

TEST_F(Datasets, name_a_class_that_is_none) {
  write_patients(header + patient("1", "2"));
  expect_error(nn::read_breast_cancer,
               "/breast_cancer.csv:2: expected a number from 0 to 1 in column 31, got \"2\"");
  write_patients(header + patient("1", "0.5"));
  expect_error(nn::read_breast_cancer,
               "/breast_cancer.csv:2: expected a whole number in column 31, got \"0.5\"");
}

TEST_F(Datasets, name_a_pixel_out_of_range) {
  write_digits(image("0", "3") + image("17", "3"));
  expect_error(nn::read_digits,
               "/digits.csv.gz:2: expected a number from 0 to 16 in column 1, got \"17\"");
}

TEST_F(Datasets, name_a_truncated_gzip_file) {
  write_digits(image("0", "3") + image("1", "4"));
  const std::string path = folder_ + "/digits.csv.gz";
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 9);
  expect_error(nn::read_digits,
               "/digits.csv.gz:3: expected readable data, got a truncated gzip file");
}

TEST_F(Datasets, name_data_after_the_last_line) {
  std::string text;
  for (int n = 0; n < 1797; ++n) {
    text += image("0", "3");
  }
  write_digits(text + "1,2\n");
  expect_error(nn::read_digits, "/digits.csv.gz:1798: expected the end of the file, got \"1,2\"");
}

TEST_F(Datasets, read_plain_text_and_carriage_returns_too) {
  std::string text;
  for (int n = 0; n < 1797; ++n) {
    text += image("8", "3");
  }
  std::ofstream out(folder_ + "/digits.csv.gz", std::ios::binary);
  for (const char character : text) {
    if (character == '\n') {
      out << '\r';
    }
    out << character;
  }
  out.close();
  const nn::Digits digits = nn::read_digits(folder_);
  EXPECT_EQ(digits.images(1796, 0, 0, 0), 0.5f);
  EXPECT_EQ(digits.digits(0), 3);
}

}  // namespace
