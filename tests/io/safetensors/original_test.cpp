// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <unsupported/Eigen/CXX11/Tensor>

#include "eigen_norm/io/safetensors.hpp"
#include "support/errors.hpp"

// Bytes that the tests of the original implementation hold, github.com/huggingface/safetensors:
// what it wrote, read or refused. Each comment names the function, of safetensors/src/tensor.rs or
// of bindings/python/tests/test_simple.py.
namespace eigen_norm {
namespace {

using io::serialize_safetensors;
using io::StateDict;

// A literal with zeros in it.
template <std::size_t N>
std::string bytes(const char (&literal)[N]) {
  return {literal, N - 1};
}

StateDict parsed(const std::string& file) {
  return io::parse_safetensors(file, nullptr, "file").state;
}

void expect_refused(const std::string& file, const std::string& message) {
  test::expect_error<std::runtime_error>("file: " + message, [&] { parsed(file); });
}

const std::string zero_to_five =
    bytes("\0\0\0\0\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40\0\0\xa0\x40");

std::string test_entry(const std::string& size, const std::string& shape,
                       const std::string& offsets) {
  return size + bytes("\0\0\0\0\0\0\0") + "{\"test\":{\"dtype\":\"I32\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}}";
}
const std::string two_by_two = test_entry("<", "[2,2]", "[0,16]");
const std::string zeros(16, '\0');

// Of tensor.rs.
TEST(SafetensorsOriginal, WroteATensor) {  // test_serialization
  Eigen::Tensor<float, 3, Eigen::RowMajor> attn(1, 2, 3);
  attn.setValues({{{0, 1, 2}, {3, 4, 5}}});
  StateDict state;
  state.add("attn.0", attn);
  const std::string file =
      bytes("@\0\0\0\0\0\0\0") +
      "{\"attn.0\":{\"dtype\":\"F32\",\"shape\":[1,2,3],\"data_offsets\":[0,24]}}" + zero_to_five;
  EXPECT_EQ(serialize_safetensors(state), file);
  EXPECT_EQ((parsed(file).get<Eigen::Tensor<float, 3>>("attn.0")(0, 1, 2)), 5);
}

TEST(SafetensorsOriginal, WroteAPaddedHeader) {  // test_serialization_forced_alignement
  Eigen::Tensor<float, 4, Eigen::RowMajor> attn(1, 1, 2, 3);
  attn.setValues({{{{0, 1, 2}, {3, 4, 5}}}});
  StateDict state;
  state.add("attn0", attn);
  EXPECT_EQ(serialize_safetensors(state),
            bytes("H\0\0\0\0\0\0\0") +
                "{\"attn0\":{\"dtype\":\"F32\",\"shape\":[1,1,2,3],\"data_offsets\":[0,24]}}"
                "       " +
                zero_to_five);
}

TEST(SafetensorsOriginal, WroteNoTensors) {  // test_empty
  const StateDict state;
  EXPECT_EQ(serialize_safetensors(state), bytes("\x08\0\0\0\0\0\0\0{}      "));
  EXPECT_EQ(serialize_safetensors(state, {{"framework", "pt"}}),
            bytes("(\0\0\0\0\0\0\0{\"__metadata__\":{\"framework\":\"pt\"}}     "));
}

// Of test_simple.py.
using Int2x2 = Eigen::Matrix<std::int32_t, 2, 2>;

TEST(SafetensorsOriginal, WroteIntegers) {  // test_serialization
  const std::string header = test_entry("@", "[2,2]", "[0,16]") + "    ";
  Int2x2 data = Int2x2::Zero();
  StateDict state;
  state.add("test", data);
  EXPECT_EQ(serialize_safetensors(state), header + zeros);
  data(1, 1) = 1;
  EXPECT_EQ(serialize_safetensors(state), header + bytes("\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0"));
}

TEST(SafetensorsOriginal, WroteTwoTypes) {  // test_serialization_forces_alignment
  const Int2x2 wide = Int2x2::Zero();
  const Eigen::Matrix<Eigen::half, 2, 2> narrow = Eigen::Matrix<Eigen::half, 2, 2>::Zero();
  StateDict state;
  state.add("test2", narrow);
  state.add("test1", wide);
  EXPECT_EQ(serialize_safetensors(state),
            bytes("\x80\0\0\0\0\0\0\0") +
                "{\"test1\":{\"dtype\":\"I32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
                "\"test2\":{\"dtype\":\"F16\",\"shape\":[2,2],\"data_offsets\":[16,24]}}      " +
                zeros + zeros.substr(8));
}

TEST(SafetensorsOriginal, WroteMetadata) {  // test_serialization_metadata
  const Int2x2 data = Int2x2::Zero();
  StateDict state;
  state.add("test1", data);
  EXPECT_EQ(serialize_safetensors(state, {{"framework", "pt"}}),
            bytes("`\0\0\0\0\0\0\0") +
                "{\"__metadata__\":{\"framework\":\"pt\"},"
                "\"test1\":{\"dtype\":\"I32\",\"shape\":[2,2],\"data_offsets\":[0,16]}} " +
                zeros);
}

// Of tensor.rs again.
TEST(SafetensorsOriginal, ReadWhatItRead) {
  const StateDict full = parsed(two_by_two + zeros);  // test_deserialization
  EXPECT_EQ(full.at("test").shape, memory::Shape({2, 2}));
  const std::string scalar = test_entry("8", "[]", "[0,4]");  // test_empty_shapes_allowed
  EXPECT_EQ(parsed(scalar + bytes("\0\0\0\0")).at("test").shape, memory::Shape());
  const std::string none = test_entry("<", "[2,0]", "[0, 0]");  // test_zero_sized_tensor
  EXPECT_EQ(parsed(none).at("test").shape, memory::Shape({2, 0}));
  // test_whitespace_padded_header
  EXPECT_EQ(parsed(bytes("\x06\0\0\0\0\0\0\0{}\x0D\x20\x09\x0A")).size(), 0U);
}

TEST(SafetensorsOriginal, RefusedWhatItRefused) {
  // test_metadata_incomplete_buffer
  expect_refused(two_by_two + zeros + "extra_bogus_data_for_polyglot_file",
                 "expected 16 bytes of data, got 50");
  expect_refused(two_by_two + zeros.substr(2),
                 "test: expected an end within 14 bytes of data, got data_offsets [0, 16]");
  // test_header_too_large, test_header_too_small, test_invalid_header_length
  expect_refused(bytes("<\0\0\0\0\xff\xff\xff") + two_by_two.substr(8) + zeros,
                 "expected a header of at most 100000000 bytes, got 18446742974197923900");
  expect_refused("", "expected at least 8 bytes, got 0");
  expect_refused(bytes("<\0\0\0\0\0\0\0"), "expected a header of 60 bytes, got 0");
  // test_invalid_header_non_utf8, test_invalid_header_not_json
  expect_refused(bytes("\x01\0\0\0\0\0\0\0\xff"),
                 "expected a header in UTF-8, got something else at byte 1");
  expect_refused(bytes("\x01\0\0\0\0\0\0\0{"),
                 "expected JSON in the header, got its end too early");
  // test_whitespace_start_padded_header_is_not_allowed
  expect_refused(bytes("\x06\0\0\0\0\0\0\0\x09\x0A{}\x0D\x20"),
                 "expected a header that begins with {, got byte 9");
  // test_invalid_info
  expect_refused(test_entry("<", "[2,2]", "[0, 4]"),
                 "test: expected 16 bytes for I32 (2, 2), got data_offsets [0, 4]");
  // test_validation_overflow
  expect_refused(test_entry("O", "[2,18446744073709551614]", "[0,16]") + zeros,
                 "test: expected whole numbers up to 9223372036854775807 in shape, "
                 "got 18446744073709551614");
  expect_refused(test_entry("N", "[2,9223372036854775807]", "[0,16]") + zeros,
                 "test: expected a size below 2^63 bytes, got I32 (2, 9223372036854775807)");
}

TEST(SafetensorsOriginal, RefusedTensorsThatShareTheirData) {  // test_json_attack
  std::string header;
  for (int i = 0; i < 10; ++i) {
    header += (i == 0 ? "{" : ",") + ("\"weight_" + std::to_string(i)) +
              "\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}";
  }
  header += '}';
  std::string size(8, '\0');
  size[0] = static_cast<char>(header.size() & 0xFF);
  size[1] = static_cast<char>(header.size() >> 8);
  expect_refused(size + header + zeros,
                 "weight_1: expected bytes of its own from 16 on, got data_offsets [0, 16]");
}

}  // namespace
}  // namespace eigen_norm
