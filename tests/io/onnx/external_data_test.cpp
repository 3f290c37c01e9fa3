// SPDX-License-Identifier: MIT
#include "eigen_norm/io/onnx/external_data.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "io/onnx/one_node.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

namespace eigen_norm {
namespace {

using test::proto::TensorProto;

// Two channels' scale, in the file and at the place that `entries` say.
test::OneNode with_external_scale(const std::vector<std::pair<std::string, std::string>>& entries) {
  test::OneNode model = test::batch_norm_of_two();
  TensorProto& scale = *model.graph().mutable_initializer(0);
  scale.clear_float_data();
  scale.set_data_location(TensorProto::EXTERNAL);
  for (const auto& entry : entries) {
    auto& added = *scale.add_external_data();
    added.set_key(entry.first);
    added.set_value(entry.second);
  }
  return model;
}

const std::string one_and_minus_two("\0\0\x80\x3f\0\0\0\xc0", 8);

class OnnxExternalData : public testing::Test {
 protected:
  BatchNorm2d<float> load(const std::vector<std::pair<std::string, std::string>>& entries) const {
    return with_external_scale(entries).parse(path).norms[0].as<BatchNorm2d<float>>();
  }
  void expect_malformed(const std::string& message,
                        const std::vector<std::pair<std::string, std::string>>& entries) const {
    test::expect_error<std::runtime_error>(path + ": tensor \"scale\": expected " + message,
                                           [&] { load(entries); });
  }

  test::TemporaryFolder folder;
  std::string path = folder.path("model.onnx");
};

TEST_F(OnnxExternalData, IsReadFromTheFolderOfTheModel) {
  test::write_bytes(folder.path("weights.bin"), one_and_minus_two);
  const auto norm = load({{"location", "weights.bin"}});
  EXPECT_EQ(norm.gamma()[0], 1);
  EXPECT_EQ(norm.gamma()[1], -2);
}

TEST_F(OnnxExternalData, IsReadFromBelowItAtAnOffset) {
  std::filesystem::create_directory(folder.path("data"));
  test::write_bytes(folder.path("data/weights.bin"), "###" + one_and_minus_two + "##");
  const auto norm = load({{"location", "data/weights.bin"}, {"offset", "3"}, {"length", "8"}});
  EXPECT_EQ(norm.gamma()[1], -2);
}

TEST_F(OnnxExternalData, IsNeverReadFromElsewhere) {
  for (const char* location : {"/etc/passwd", "../weights.bin", "data/../../weights.bin", ""}) {
    expect_malformed("external data below the model's folder, got \"" + std::string(location) + '"',
                     {{"location", location}});
  }
  expect_malformed("external data below the model's folder, got \"\"", {});
}

TEST_F(OnnxExternalData, MustBeThere) {
  expect_malformed("external data in a file that can be read, got \"weights.bin\"",
                   {{"location", "weights.bin"}});
  std::filesystem::create_directory(folder.path("data"));
  expect_malformed("external data in a file that can be read, got \"data\"",
                   {{"location", "data"}});
}

TEST_F(OnnxExternalData, MustLieWithinItsFile) {
  test::write_bytes(folder.path("w"), one_and_minus_two);
  expect_malformed("external data within the 8 bytes of \"w\", got offset 9",
                   {{"location", "w"}, {"offset", "9"}});
  expect_malformed("external data within the 8 bytes of \"w\", got offset 4 and length 8",
                   {{"location", "w"}, {"offset", "4"}, {"length", "8"}});
  expect_malformed(
      "external data within the 8 bytes of \"w\", got offset 8 and length 18446744073709551615",
      {{"location", "w"}, {"offset", "8"}, {"length", "18446744073709551615"}});
  expect_malformed("(2) of F32, got 4 bytes", {{"location", "w"}, {"offset", "4"}});
}

TEST_F(OnnxExternalData, CountsInDecimalNumbers) {
  for (const char* text : {"", "-1", "1x", " 1", "18446744073709551616"}) {
    expect_malformed(
        "a number of bytes as the offset of external data, got \"" + std::string(text) + '"',
        {{"location", "w"}, {"offset", text}});
  }
}

}  // namespace
}  // namespace eigen_norm
