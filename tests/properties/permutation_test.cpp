// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "properties/random_cases.hpp"

// The order of samples and of channels means nothing.
namespace eigen_norm::test {
namespace {

Dims random_order(Index size, std::uint64_t seed) {
  Dims order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), Index{0});
  std::shuffle(order.begin(), order.end(), std::mt19937_64(seed));
  return order;
}

// result(..., i, ...) = x(..., order[i], ...) along one axis
Logical reordered(const Logical& x, std::size_t axis, const Dims& order) {
  Logical result(x.dims);
  for_each_index(x.dims, [&](const Dims& at) {
    Dims from = at;
    from[axis] = order[static_cast<std::size_t>(at[axis])];
    result.at(at) = x.at(from);
  });
  return result;
}

Values reordered(const Values& values, const Dims& order) {
  Values result;
  for (const Index i : order) result.push_back(values[static_cast<std::size_t>(i)]);
  return result;
}

// Statistics by sample: every sample has the bits that it has elsewhere. (Unless its data is so
// skewed that the columns of a tile are summed again together.) BatchNorm adds the samples up in
// another order.
TEST(Permutation, OfSamplesPermutesTheResult) {
  for_each_case(every_kind, [](const Case& c) {
    const Dims order = random_order(c.x.dims[0], 9);
    Case other = c;
    other.x = reordered(c.x, 0, order);
    other.dy = reordered(c.dy, 0, order);
    const Answers before = ask(c), after = ask(other);
    const Logical y = reordered(before.y, 0, order), dx = reordered(before.dx, 0, order);
    if (c.layer.kind == Kind::batch_norm) {
      const Scales scale = other.scales();
      expect_within("y", after.y, y, scale.y, 2 * float_bound);
      expect_within("dx", after.dx, dx, scale.dx, 2 * float_bound);
    } else {
      EXPECT_EQ(after.y.values, y.values);
      EXPECT_EQ(after.dx.values, dx.values);
    }
    const Real terms = std::sqrt(static_cast<Real>(c.x.size() / c.layer.parameters()));
    expect_close("dgamma", after.dgamma, before.dgamma, 2 * float_bound, terms);
    expect_close("dbeta", after.dbeta, before.dbeta, 2 * float_bound, terms);
  });
}

// With gamma and beta; of the layers that take each channel by itself.
TEST(Permutation, OfChannelsPermutesTheResult) {
  for_each_case(single_channel_kinds, [](const Case& c) {
    const std::size_t axis = c.layer.parameter_axis();
    const Dims order = random_order(c.layer.parameters(), 9);
    Case other = c;
    other.x = reordered(c.x, axis, order);
    other.dy = reordered(c.dy, axis, order);
    other.affine = {reordered(c.affine.gamma, order), reordered(c.affine.beta, order)};
    const Answers before = ask(c), after = ask(other);
    EXPECT_EQ(after.y.values, reordered(before.y, axis, order).values);
    EXPECT_EQ(after.dx.values, reordered(before.dx, axis, order).values);
    EXPECT_EQ(after.dgamma, reordered(before.dgamma, order));
    EXPECT_EQ(after.dbeta, reordered(before.dbeta, order));
  });
}

}  // namespace
}  // namespace eigen_norm::test
