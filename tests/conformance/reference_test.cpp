// SPDX-License-Identifier: MIT
#include "support/reference.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

// The reference that judges the library is itself judged here: by values worked out by hand and,
// for every gradient, by differences of its own forward.
namespace eigen_norm::test {
namespace {

using Forward = std::function<Reference(const Logical& x, const Affine& affine)>;

// d/dt sum(dy * y(t)) at t = 0, to the fourth order in h.
Real slope(const Logical& dy, const std::function<Logical(Real)>& y_of) {
  const Real h = 1e-4L;
  const auto loss = [&](Real t) {
    const Logical y = y_of(t);
    Real sum = 0;
    for (std::size_t i = 0; i < y.values.size(); ++i) sum += dy.values[i] * y.values[i];
    return sum;
  };
  return (loss(-2 * h) - 8 * loss(-h) + 8 * loss(h) - loss(2 * h)) / (12 * h);
}

void expect_gradients_match_differences(const Logical& x, const Logical& dy, const Affine& affine,
                                        const Forward& run) {
  const Reference result = run(x, affine);
  const auto y_with = [&](Logical moved_x, Affine moved) { return run(moved_x, moved).y; };
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const Real numeric = slope(dy, [&](Real t) {
      Logical moved = x;
      moved.values[i] += t;
      return y_with(moved, affine);
    });
    ASSERT_NEAR(static_cast<double>(result.dx.values[i] - numeric), 0, 1e-11) << "dx " << i;
  }
  for (std::size_t p = 0; p < affine.gamma.size(); ++p) {
    const Real dgamma = slope(dy, [&](Real t) {
      Affine moved = affine;
      moved.gamma[p] += t;
      return y_with(x, moved);
    });
    const Real dbeta = slope(dy, [&](Real t) {
      Affine moved = affine;
      moved.beta[p] += t;
      return y_with(x, moved);
    });
    ASSERT_NEAR(static_cast<double>(result.dgamma[p] - dgamma), 0, 1e-11) << "dgamma " << p;
    ASSERT_NEAR(static_cast<double>(result.dbeta[p] - dbeta), 0, 1e-11) << "dbeta " << p;
  }
}

Affine affine_of(Index size) { return {random_gamma(size, 11), random_beta(size, 12)}; }

TEST(Reference, batch_norm_by_hand) {
  // Channel 0 holds 1, 3 and channel 1 holds 2, 2.
  const Logical x({2, 2}, Values{1, 2, 3, 2});
  const Reference result = batch_norm(x, Logical({2, 2}), {{3, 5}, {10, 20}}, 0);
  EXPECT_EQ(result.y.values, (Values{7, 20, 13, 20}));
  EXPECT_EQ(result.mean, (Values{2, 2}));
  EXPECT_EQ(result.var, (Values{1, 0}));
  EXPECT_EQ(result.unbiased_var, (Values{2, 0}));
  EXPECT_EQ(result.inv_std, (Values{1, 0}));
}

TEST(Reference, layer_norm_by_hand) {
  const Logical x({2, 2}, Values{1, 3, 10, 30});
  const Reference result = layer_norm(x, Logical({2, 2}), {}, 0);
  EXPECT_EQ(result.y.values, (Values{-1, 1, -1, 1}));
  EXPECT_EQ(result.mean, (Values{2, 20}));
}

TEST(Reference, group_norm_by_hand) {
  // One sample, channels {0}, {2}, {5}, {5} in two groups.
  const Logical x({1, 4}, Values{0, 2, 5, 5});
  const Reference result = group_norm(x, Logical({1, 4}), {{1, 2, 3, 4}, {}}, 0, 2);
  EXPECT_EQ(result.y.values, (Values{-1, 2, 0, 0}));
  EXPECT_EQ(result.mean, (Values{1, 5}));
}

TEST(Reference, batch_norm_gradients) {
  for (const Index channel_axis : {1, 2}) {
    const Logical x = random_normal({3, 2, 4}, 1, 0.5L, 1.5L);
    const Logical dy = random_normal(x.dims, 2);
    const Affine affine = affine_of(x.dims[static_cast<std::size_t>(channel_axis)]);
    expect_gradients_match_differences(x, dy, affine, [&](const Logical& at, const Affine& a) {
      return batch_norm(at, dy, a, 1e-5L, channel_axis);
    });
  }
}

TEST(Reference, batch_norm_eval_gradients) {
  const Logical x = random_normal({3, 2, 4}, 3);
  const Logical dy = random_normal(x.dims, 4);
  const Values mean{0.25L, -1};
  const Values var{0.5L, 3};
  expect_gradients_match_differences(x, dy, affine_of(2), [&](const Logical& at, const Affine& a) {
    return batch_norm_eval(at, dy, a, 1e-5L, mean, var);
  });
}

TEST(Reference, layer_norm_gradients) {
  for (const Index normalized_rank : {1, 2, 3}) {
    const Logical x = random_normal({2, 3, 4}, 5, -1);
    const Logical dy = random_normal(x.dims, 6);
    const Index features = normalized_rank == 1 ? 4 : normalized_rank == 2 ? 12 : 24;
    const Affine affine = affine_of(features);
    expect_gradients_match_differences(x, dy, affine, [&](const Logical& at, const Affine& a) {
      return layer_norm(at, dy, a, 1e-3L, normalized_rank);
    });
  }
}

TEST(Reference, group_norm_gradients) {
  const Logical x = random_normal({2, 6, 3}, 7);
  const Logical dy = random_normal(x.dims, 8);
  for (const Index groups : {1, 2, 3, 6}) {
    expect_gradients_match_differences(
        x, dy, affine_of(6),
        [&](const Logical& at, const Affine& a) { return group_norm(at, dy, a, 1e-5L, groups); });
  }
}

// Statistics of three of four positions, and of none of the second sample.
TEST(Reference, masked_gradients) {
  const Logical x = random_normal({2, 6, 4}, 15, 1);
  const Logical dy = random_normal(x.dims, 16);
  for (const bool centred : {true, false}) {
    Sharing sharing = by_group(x.dims, 2);
    sharing.centred = centred;
    sharing.counts = [](const Dims& at) { return at[0] == 0 && at[2] != 1; };
    expect_gradients_match_differences(
        x, dy, affine_of(6),
        [&](const Logical& at, const Affine& a) { return normalized(at, dy, a, 0.1L, sharing); });
    const Reference result = normalized(x, dy, {}, 0.1L, sharing);
    EXPECT_EQ(result.mean[2], 0);
    EXPECT_EQ(result.var[2], 0);
  }
}

// Moving the channels to another axis moves the answer and changes nothing else.
TEST(Reference, channel_axis_is_a_name) {
  const Logical x = random_normal({2, 6, 5}, 9);
  const Logical dy = random_normal(x.dims, 10);
  const Logical x_last = permuted(x, {0, 2, 1});
  const Logical dy_last = permuted(dy, {0, 2, 1});
  const Affine affine = affine_of(6);
  const Reference first = group_norm(x, dy, affine, 1e-5L, 3);
  const Reference last = group_norm(x_last, dy_last, affine, 1e-5L, 3, 2);
  EXPECT_LT(worst_difference(permuted(last.y, {0, 2, 1}), first.y), 1e-17L);
  EXPECT_LT(worst_difference(permuted(last.dx, {0, 2, 1}), first.dx), 1e-17L);
}

template <typename Object>
void expect_round_trip(const Logical& values) {
  const Object object = to_eigen<Object>(values);
  EXPECT_EQ(dims_of(object), values.dims);
  EXPECT_EQ(from_eigen(object).values, values.values);
}

TEST(Logical, knows_every_layout_by_its_indices) {
  const Logical flat = random_normal({3, 5}, 13);
  expect_round_trip<Eigen::MatrixXf>(flat);
  expect_round_trip<Eigen::Array<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(flat);
  const Logical cube = random_normal({2, 3, 4}, 14);
  expect_round_trip<Eigen::Tensor<float, 3>>(cube);
  expect_round_trip<Eigen::Tensor<double, 3, Eigen::RowMajor>>(cube);

  Eigen::MatrixXd larger = Eigen::MatrixXd::Zero(6, 9);
  copy_to(flat, larger.block(1, 2, 3, 5));
  EXPECT_EQ(static_cast<Real>(larger(2, 6)), flat.at({1, 4}));
  EXPECT_EQ(from_eigen(larger.block(1, 2, 3, 5)).values, flat.values);

  Eigen::Tensor<float, 3> column_major = to_eigen<Eigen::Tensor<float, 3>>(cube);
  const Eigen::TensorMap<const Eigen::Tensor<float, 3>> map(column_major.data(), 2, 3, 4);
  EXPECT_EQ(from_eigen(map).at({1, 2, 3}), cube.at({1, 2, 3}));
}

// Fixed numbers: data drawn today are the data drawn on every machine.
TEST(Random, is_the_same_everywhere) {
  Random random(42);
  EXPECT_EQ(static_cast<float>(random.uniform(0, 1)), 0.755155533F);
  const Logical sample = random_normal({100000}, 1, 3, 2);
  Real mean = 0;
  for (const Real value : sample.values) mean += value / 100000;
  EXPECT_NEAR(static_cast<double>(mean), 3, 0.03);
}

}  // namespace
}  // namespace eigen_norm::test
