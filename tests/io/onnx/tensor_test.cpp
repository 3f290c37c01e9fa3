// SPDX-License-Identifier: MIT
#include "eigen_norm/io/onnx/tensor.hpp"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <initializer_list>
#include <limits>
#include <stdexcept>
#include <string>

#include "eigen_norm/io/copy.hpp"
#include "io/onnx/one_node.hpp"
#include "support/errors.hpp"

namespace eigen_norm {
namespace {

using test::proto::TensorProto;

TensorProto tensor_of(int type, std::initializer_list<std::int64_t> dims) {
  TensorProto tensor;
  tensor.set_name("w");
  tensor.set_data_type(type);
  for (const std::int64_t dim : dims) tensor.add_dims(dim);
  return tensor;
}

io::OnnxTensor read(const TensorProto& tensor) {
  const std::string path = "model.onnx";
  return io::OnnxTensorReader(tensor, path).read();
}

Eigen::ArrayXd values_of(const TensorProto& tensor) {
  const io::OnnxTensor found = read(tensor);
  Eigen::ArrayXd values(found.view.shape.size());
  io::MutableTensorView to = io::view_of(values);
  to.shape = found.view.shape;
  to.strides = io::packed_strides(to.shape);
  io::copy(found.view, to);
  return values;
}

void expect_malformed(const std::string& message, const TensorProto& tensor) {
  test::expect_error<std::runtime_error>("model.onnx: tensor \"w\": expected " + message,
                                         [&] { read(tensor); });
}

TEST(OnnxTensor, ReadsRawDataOfEachType) {
  TensorProto floats = tensor_of(TensorProto::FLOAT, {2});
  floats.set_raw_data(std::string("\0\0\x80\x3f\0\0\0\xc0", 8));  // 1, -2, little-endian
  EXPECT_TRUE((values_of(floats) == Eigen::Array2d(1, -2)).all());
  TensorProto doubles = tensor_of(TensorProto::DOUBLE, {1});
  doubles.set_raw_data(std::string("\0\0\0\0\0\0\xf8\x3f", 8));
  EXPECT_EQ(values_of(doubles)[0], 1.5);
  TensorProto halves = tensor_of(TensorProto::FLOAT16, {1});
  halves.set_raw_data(std::string("\0\x3e", 2));
  EXPECT_EQ(values_of(halves)[0], 1.5);
  TensorProto bfloats = tensor_of(TensorProto::BFLOAT16, {1});
  bfloats.set_raw_data(std::string("\xc0\x3f", 2));
  EXPECT_EQ(values_of(bfloats)[0], 1.5);
}

TEST(OnnxTensor, ReadsTypedFields) {
  TensorProto floats = tensor_of(TensorProto::FLOAT, {2, 1});
  floats.add_float_data(1);
  floats.add_float_data(-2);
  EXPECT_TRUE((values_of(floats) == Eigen::Array2d(1, -2)).all());
  TensorProto doubles = tensor_of(TensorProto::DOUBLE, {1});
  doubles.add_double_data(0.1);
  EXPECT_EQ(values_of(doubles)[0], 0.1);
  TensorProto halves = tensor_of(TensorProto::FLOAT16, {2});
  halves.add_int32_data(0x3e00);
  halves.add_int32_data(0xbe00);
  EXPECT_TRUE((values_of(halves) == Eigen::Array2d(1.5, -1.5)).all());
  TensorProto bfloats = tensor_of(TensorProto::BFLOAT16, {1});
  bfloats.add_int32_data(0x3fc0);
  EXPECT_EQ(values_of(bfloats)[0], 1.5);
}

TEST(OnnxTensor, TakesNoDimensionsForOneValue) {
  TensorProto number = tensor_of(TensorProto::FLOAT, {});
  number.add_float_data(3);
  EXPECT_EQ(read(number).view.shape, memory::Shape());
  EXPECT_EQ(values_of(number)[0], 3);
}

TEST(OnnxTensor, RefusesOtherTypes) {
  expect_malformed("DOUBLE, FLOAT, FLOAT16 or BFLOAT16, got INT8",
                   tensor_of(TensorProto::INT8, {1}));
  expect_malformed("DOUBLE, FLOAT, FLOAT16 or BFLOAT16, got data_type 17", tensor_of(17, {1}));
  expect_malformed("DOUBLE, FLOAT, FLOAT16 or BFLOAT16, got UNDEFINED",
                   TensorProto(tensor_of(0, {})));
}

TEST(OnnxTensor, HoldsItsDimsToTheBytesThatAreThere) {
  TensorProto raw = tensor_of(TensorProto::FLOAT, {3});
  raw.set_raw_data("12345678");
  expect_malformed("(3) of F32, got 8 bytes", raw);
  raw.set_raw_data("1234567890123");
  expect_malformed("(3) of F32, got 13 bytes", raw);
  TensorProto typed = tensor_of(TensorProto::DOUBLE, {2, 2});
  typed.add_double_data(1);
  expect_malformed("(2, 2) of F64, got 8 bytes", typed);
  // In the field of another type there is nothing of this one.
  TensorProto other = tensor_of(TensorProto::DOUBLE, {1});
  other.add_float_data(1);
  expect_malformed("(1) of F64, got 0 bytes", other);
  constexpr Index most = std::numeric_limits<Index>::max();
  expect_malformed("(" + std::to_string(most) + ") of F32, got 0 bytes",
                   tensor_of(TensorProto::FLOAT, {most}));
}

TEST(OnnxTensor, RefusesDimsThatCannotBe) {
  expect_malformed("dims that can be counted, got (2, -1)", tensor_of(TensorProto::FLOAT, {2, -1}));
  expect_malformed("dims that can be counted, got (4294967296, 4294967296)",
                   tensor_of(TensorProto::FLOAT, {std::int64_t{1} << 32, std::int64_t{1} << 32}));
  expect_malformed("at most 8 dimensions, got 9",
                   tensor_of(TensorProto::FLOAT, {1, 1, 1, 1, 1, 1, 1, 1, 1}));
}

TEST(OnnxTensor, RefusesBitsBeyondTheSixteenOfAHalf) {
  TensorProto halves = tensor_of(TensorProto::FLOAT16, {1});
  halves.add_int32_data(-1);
  expect_malformed("16 bits in each of int32_data, got -1", halves);
  halves.set_int32_data(0, 65536);
  expect_malformed("16 bits in each of int32_data, got 65536", halves);
}

TEST(OnnxTensor, RefusesASegment) {
  TensorProto tensor = tensor_of(TensorProto::FLOAT, {1});
  tensor.mutable_segment()->set_begin(0);
  expect_malformed("a whole tensor, got a segment of one", tensor);
}

}  // namespace
}  // namespace eigen_norm
