// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "properties/random_cases.hpp"

// What is known of a gradient without knowing it, and which calls must agree.
namespace eigen_norm::test {
namespace {

// sum(dx) = 0 over each statistic, for y does not move with a shift, and without eps
// sum(dx * xhat) = 0, for it does not with a scale. RMSNorm moves with a shift.
TEST(Backward, IsOrthogonalToShiftAndScale) {
  for_each_case(every_kind, [](Case c) {
    c.layer.eps = 0;
    const Subject subject = subject_of(c.layer);
    const Reference want = subject.definition(c.x, c.dy, c.affine, 0);
    const Scales scale = scales(subject.sharing, c.x, c.dy, c.affine, want);
    const Answers got = ask(c);
    Values sum(want.mean.size(), 0), along = sum, sum_scale = sum, along_scale = sum;
    for_each_index(c.x.dims, [&](const Dims& at) {
      const std::size_t s = subject.sharing.statistic_of(at);
      const Real xhat = (c.x.at(at) - want.mean[s]) * want.inv_std[s];
      sum[s] += got.dx.at(at);
      along[s] += got.dx.at(at) * xhat;
      sum_scale[s] += scale.dx.at(at);
      along_scale[s] += scale.dx.at(at) * std::abs(xhat);
    });
    for (std::size_t s = 0; s < sum.size(); ++s) {
      if (c.layer.kind != Kind::rms_norm) {
        EXPECT_LE(std::abs(sum[s]), float_bound * sum_scale[s]) << "sum(dx) of " << s;
      }
      EXPECT_LE(std::abs(along[s]), float_bound * along_scale[s]) << "sum(dx * xhat) of " << s;
    }
  });
}

// backward(a + b) = backward(a) + backward(b), with whole numbers, whose sums are exact; and a
// power of two moves no bit.
TEST(Backward, IsLinearInDy) {
  for_each_case(every_kind, [](Case c) {
    Case other = c, both = c;
    fill_with_whole_numbers(c.dy, 5, 100);
    fill_with_whole_numbers(other.dy, 6, 100);
    for (std::size_t i = 0; i < c.dy.values.size(); ++i) {
      both.dy.values[i] = c.dy.values[i] + other.dy.values[i];
    }
    const Answers a = ask(c), b = ask(other), sum = ask(both);
    const Logical scale_a = c.scales().dx, scale_b = other.scales().dx;
    Logical want = a.dx, scale = both.scales().dx;
    for (std::size_t i = 0; i < want.values.size(); ++i) {
      want.values[i] += b.dx.values[i];
      scale.values[i] += scale_a.values[i] + scale_b.values[i];
    }
    expect_within("dx", sum.dx, want, scale, float_bound);

    const auto eightfold = [](Real value) { return 8 * value; };
    const Answers eight = ask(c.layer, c.x, mapped(c.dy, eightfold), c.affine);
    EXPECT_EQ(eight.dx.values, mapped(a.dx, eightfold).values);
  });
}

// Given y in the place of x, xhat is off by 2^-24 (|xhat| + |beta / gamma|), which dx has twice,
// |xhat| times enlarged.
TEST(Backward, FromTheOutputAgreesWithBackward) {
  for_each_case(every_kind, [](const Case& c) {
    const Subject subject = subject_of(c.layer);
    const auto layer = make_layer(c.layer), from_output = make_layer(c.layer);
    layer->set_affine(c.affine);
    from_output->set_affine(c.affine);
    layer->forward(c.x);
    const Logical y = from_output->forward(c.x);
    Real xhat = 0, ratio = 0;
    for_each_index(y.dims, [&](const Dims& at) {
      const std::size_t p = subject.sharing.parameter_of(at);
      const Real beta = c.layer.kind == Kind::rms_norm ? 0 : c.affine.beta[p];
      xhat = std::max(xhat, std::abs((y.at(at) - beta) / c.affine.gamma[p]));
      ratio = std::max(ratio, std::abs(beta / c.affine.gamma[p]));
    });
    expect_within("dx", from_output->backward_from_output(y, c.dy), layer->backward(c.x, c.dy),
                  c.scales().dx,
                  2 * float_bound + std::ldexp(Real(1), -23) * xhat * (xhat + ratio));
    EXPECT_EQ(from_output->dbeta(), layer->dbeta());
  });
}

// infer says what forward says in eval, to the last bit, and neither disturbs the other.
TEST(Infer, IsForwardInEval) {
  for_each_case(every_kind, [](const Case& c) {
    const auto layer = make_layer(c.layer);
    layer->set_affine(c.affine);
    layer->forward(c.x);
    const Logical inferred = layer->infer(c.dy);
    layer->train(false);
    EXPECT_EQ(layer->forward(c.dy).values, inferred.values);
    EXPECT_EQ(layer->infer(c.dy).values, inferred.values);
  });
}

}  // namespace
}  // namespace eigen_norm::test
