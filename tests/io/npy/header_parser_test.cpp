// SPDX-License-Identifier: MIT
#include "eigen_norm/io/npy/header_parser.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "support/errors.hpp"

namespace eigen_norm {
namespace {

using io::ElementType;
using io::NpyHeader;
using memory::Shape;

const std::string largest_dimension = std::to_string(std::numeric_limits<Index>::max());

NpyHeader parsed(const std::string& text) { return io::NpyHeaderParser(text, "x.npy").parse(); }

TEST(NpyHeaderParser, TakesTheKeysInAnyOrderAndSpaceWherePythonDoes) {
  for (const std::string text :
       {"{'descr': '<i8', 'fortran_order': True, 'shape': (2, 3), }   \n",
        "{'shape': (2, 3), 'fortran_order': True, 'descr': '<i8'}",
        "{\"shape\":(2,3,),\"descr\":\"<i8\",\"fortran_order\":True,}",
        " { 'fortran_order' :\tTrue ,\n 'descr' : '<i8' , 'shape' : ( 2 , 3 , ) , } \r\n\n"}) {
    const NpyHeader header = parsed(text);
    EXPECT_EQ(header.type, ElementType::i64) << text;
    EXPECT_FALSE(header.row_major) << text;
    EXPECT_EQ(header.shape, Shape({2, 3})) << text;
  }
}

TEST(NpyHeaderParser, TakesEveryShape) {
  const auto shape = [](const std::string& text) {
    return parsed("{'descr': '<f4', 'fortran_order': False, 'shape': " + text + "}").shape;
  };
  EXPECT_EQ(shape("()"), Shape());
  EXPECT_EQ(shape("(0,)"), Shape({0}));
  EXPECT_EQ(shape("(10, 0)"), Shape({10, 0}));
  EXPECT_EQ(shape("(1, 1, 1, 1, 1, 1, 1, 9)"), Shape({1, 1, 1, 1, 1, 1, 1, 9}));
  EXPECT_EQ(shape('(' + largest_dimension + ",)"), Shape({std::numeric_limits<Index>::max()}));
}

TEST(NpyHeaderParser, TellsTheByteOrderOfTheMachineFromTheOther) {
  const auto swapped = [](const std::string& descr) {
    return parsed("{'descr': '" + descr + "', 'fortran_order': False, 'shape': ()}").swapped;
  };
  EXPECT_EQ(swapped("<f4"), !io::is_little_endian());
  EXPECT_EQ(swapped(">f4"), io::is_little_endian());
  EXPECT_FALSE(swapped("=f4"));
  EXPECT_FALSE(swapped("f4"));
}

TEST(NpyHeaderParser, KeepsTheNameThatBeginsItsMessages) {
  io::NpyHeaderParser parser("[]", "a file of a name that no string keeps within itself.npy");
  test::expect_error<std::runtime_error>(
      "a file of a name that no string keeps within itself.npy: expected '{' in the header, got []",
      [&] { parser.parse(); });
}

TEST(NpyHeaderParser, SaysWhatIsWrong) {
  const std::string keys = "expected the keys 'descr', 'fortran_order' and 'shape' ";
  struct {
    std::string text, message;
  } const cases[] = {
      {"", "expected '{' in the header, got the end of the header"},
      {"[1, 2]", "expected '{' in the header, got [1, 2]"},
      {"{\x01\xff", "expected a string in quotes, got ??"},
      {"{descr: '<f4'}", "expected a string in quotes, got descr: '<f4'}"},
      {"{'descr", "expected a string in quotes, got 'descr"},
      {"{'descr\", ", "expected a string in quotes, got 'descr\", "},
      {"{'descr' '<f4'}", "expected ':' in the header, got '<f4'}"},
      {"{'descr': '<f4'", "expected '}' in the header, got the end of the header"},
      {"{'descr': '<f4' 'shape': ()}", "expected '}' in the header, got 'shape': ()}"},
      {"{}", keys + "in the header, got fewer"},
      {"{'descr': '<f4', 'shape': ()}", keys + "in the header, got fewer"},
      {"{'order': 1}", keys + "once each in the header, got 'order': 1}"},
      {"{'shape': (), 'shape': ()}", keys + "once each in the header, got 'shape': ()}"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': ()} + {}",
       "expected nothing after the header's dictionary, got + {}"},
      {"{'descr': 4}", "expected dtype f8, f4, f2, i8 or i4, got 4}"},
      {"{'descr': ''}", "expected dtype f8, f4, f2, i8 or i4, got ''}"},
      {"{'descr': '<f16'}", "expected dtype f8, f4, f2, i8 or i4, got '<f16'}"},
      {"{'descr': '|f4'}", "expected dtype f8, f4, f2, i8 or i4, got '|f4'}"},
      {"{'fortran_order': 1}", "expected 'fortran_order' to be True or False, got 1}"},
      {"{'fortran_order': true}", "expected 'fortran_order' to be True or False, got true}"},
      {"{'shape': [2]}", "expected '(' in the header, got [2]}"},
      {"{'shape': (3)}", "expected a comma after a single dimension, got )}"},
      {"{'shape': (,)}", "expected a dimension, got ,)}"},
      {"{'shape': (-1,)}", "expected a dimension, got -1,)}"},
      {"{'shape': (03,)}", "expected a dimension, got 03,)}"},
      {"{'shape': (2, x)}", "expected a dimension, got x)}"},
      {"{'shape': (2, 3", "expected ')' in the header, got the end of the header"},
      {"{'shape': (2L, 3L)}", "expected a comma after a single dimension, got L, 3L)}"},
      {"{'shape': (9223372036854775808,)}",
       "expected a dimension of at most " + largest_dimension + ", got 9223372036854775808,)}"},
      {"{'shape': (2, " + largest_dimension + ")}",
       "expected a shape whose elements can be counted, got (2, " + largest_dimension + ")"},
      {"{'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1)}", "expected at most 8 dimensions, got more"},
  };
  for (const auto& [text, message] : cases) {
    const std::string header = text;
    test::expect_error<std::runtime_error>("x.npy: " + message, [&] { parsed(header); });
  }
}

}  // namespace
}  // namespace eigen_norm
