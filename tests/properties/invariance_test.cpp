// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "properties/random_cases.hpp"

// What normalising takes away: the mean and the size of its input.
namespace eigen_norm::test {
namespace {

// y(x + s) = y(x) and dx likewise. RMSNorm keeps the mean.
TEST(Normalising, ForgetsAShift) {
  for_each_case(centred_kinds, [](Case c) {
    fill_with_whole_numbers(c.x, 5, 100);
    const Answers before = ask(c);
    const Scales scale = c.scales();
    for (const Real shift : {-7.0L, 1000.0L, 1048576.0L}) {
      Case shifted = c;
      shifted.x = mapped(c.x, [&](Real value) { return value + shift; });
      const Answers after = ask(shifted);
      expect_within("y", after.y, before.y, scale.y, 2 * float_bound);
      expect_within("dx", after.dx, before.dx, scale.dx, 2 * float_bound);
    }
  });
}

// The same bits where all arithmetic is exact: whole numbers, counts that are powers of two.
TEST(Normalising, ForgetsAShiftToTheLastBitWhereSumsAreExact) {
  for_each_case(centred_kinds, [](Case c) {
    for (Index& dim : c.layer.dims) dim = Index{1} << std::min(4, std::ilogb(double(dim)));
    c.layer.groups = 1;
    const Index parameters = c.layer.parameters();
    c.affine = {random_gamma(parameters, 6), random_beta(parameters, 7)};
    c.x = Logical(c.layer.dims);
    c.dy = random_normal(c.layer.dims, 8);
    fill_with_whole_numbers(c.x, 5, 8);
    const Answers before = ask(c);
    c.x = mapped(c.x, [](Real value) { return value + 4096; });
    const Answers after = ask(c);
    EXPECT_EQ(after.y.values, before.y.values);
    EXPECT_EQ(after.dx.values, before.dx.values);
  });
}

// y(2^k x) = y(x) with eps scaled by 4^k, and dx = 2^-k dx: the same bits.
TEST(Normalising, ForgetsAPowerOfTwoToTheLastBit) {
  for_each_case(every_kind, [](const Case& c) {
    const Answers before = ask(c);
    for (const int k : {-10, -1, 1, 12}) {
      Case scaled = c;
      scaled.layer.eps = std::ldexp(c.layer.eps, 2 * k);
      scaled.x = mapped(c.x, [&](Real value) { return std::ldexp(value, k); });
      const Answers after = ask(scaled);
      EXPECT_EQ(after.y.values, before.y.values) << k;
      EXPECT_EQ(mapped(after.dx, [&](Real value) { return std::ldexp(value, k); }).values,
                before.dx.values)
          << k;
      EXPECT_EQ(after.dgamma, before.dgamma) << k;
      EXPECT_EQ(after.dbeta, before.dbeta) << k;
    }
  });
}

// Any other scale changes rounding alone. Whole numbers, so that the scaled input is exact.
TEST(Normalising, ForgetsAnyScale) {
  for_each_case(every_kind, [](Case c) {
    c.layer.eps = 0;
    fill_with_whole_numbers(c.x, 5, 1000);
    c.x.values[0] = 1001;
    const Answers before = ask(c);
    const Scales scale = c.scales();
    for (const Real factor : {3.0L, 1009.0L}) {
      Case scaled = c;
      scaled.x = mapped(c.x, [&](Real value) { return value * factor; });
      const Answers after = ask(scaled);
      expect_within("y", after.y, before.y, scale.y, 2 * float_bound);
      expect_within("dx", mapped(after.dx, [&](Real value) { return value * factor; }), before.dx,
                    scale.dx, 2 * float_bound);
    }
  });
}

// y(-x) = -y(x) without beta, to the last bit, and dx(-x, -dy) = -dx(x, dy).
TEST(Normalising, TurnsItsSignWithItsInput) {
  for_each_case(every_kind, [](Case c) {
    const auto negative = [](const Logical& x) { return mapped(x, [](Real v) { return -v; }); };
    c.affine.beta.assign(c.affine.beta.size(), 0);
    const Answers before = ask(c);
    const Answers after = ask(c.layer, negative(c.x), c.dy, c.affine);
    EXPECT_EQ(after.y.values, negative(before.y).values);
    EXPECT_EQ(after.dx.values, before.dx.values);
  });
}

}  // namespace
}  // namespace eigen_norm::test
