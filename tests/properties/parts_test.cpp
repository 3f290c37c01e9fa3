// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "properties/random_cases.hpp"

// BatchNorm of a batch in parts, of random and unequal sizes, is BatchNorm of the whole.
namespace eigen_norm::test {
namespace {

using Images = Eigen::Tensor<float, 4, Eigen::RowMajor>;

// Where the parts end; some are empty, or of one sample.
std::vector<Index> random_ends(Index samples, Random& random) {
  std::vector<Index> ends{whole(random, 0, samples)};
  while (ends.back() < samples) ends.push_back(whole(random, ends.back(), samples));
  return ends;
}

// f(part of x, part of dy), first to last.
template <typename F>
void for_each_part(const Case& c, const std::vector<Index>& ends, const F& f) {
  Index begin = 0;
  for (const Index end : ends) {
    f(to_eigen<Images>(samples_of(c.x, begin, end)),
      to_eigen<Images>(samples_of(c.dy, begin, end)));
    begin = end;
  }
}

void append(Logical& whole, const Images& part) {
  whole.values.insert(whole.values.end(), part.data(), part.data() + part.size());
}

constexpr Kind batch_norm_alone[] = {Kind::batch_norm};

TEST(Parts, OfABatchAreNormalisedAsTheWhole) {
  for_each_case(batch_norm_alone, [](const Case& c) {
    BatchNormOptions options;
    options.channels = channel_axis(c.layer.axis);
    options.eps = c.layer.eps;
    BatchNorm2d<float> norm(c.layer.parameters(), options), in_one(norm);
    set_affine(norm, c.affine);
    Random random(static_cast<std::uint64_t>(c.x.size()));
    const std::vector<Index> ends = random_ends(c.x.dims[0], random);

    BatchNorm2d<float>::Statistics statistics;
    for_each_part(c, ends, [&](const Images& x, const Images&) {
      statistics.merge(norm.batch_statistics(x));
    });
    norm.update_running_stats(statistics);
    Logical y, dx;
    y.dims = dx.dims = c.x.dims;
    BatchNorm2d<float>::Gradients gradients;
    for_each_part(c, ends, [&](const Images& x, const Images& dy) {
      append(y, norm.forward_by(statistics, x));
      gradients.merge(norm.gradient_sums(statistics, x, dy));
    });
    for_each_part(c, ends, [&](const Images& x, const Images& dy) {
      append(dx, norm.backward_by(statistics, gradients, x, dy));
    });
    norm.accumulate(gradients);

    const Reference want = subject_of(c.layer).definition(c.x, c.dy, c.affine, options.eps);
    const Scales scale = c.scales();
    expect_within("y", y, want.y, scale.y, float_bound);
    expect_within("dx", dx, want.dx, scale.dx, float_bound);
    const Real terms = std::sqrt(static_cast<Real>(c.layer.values()));
    expect_close("dgamma", from_parameters(norm.gamma_grad()), want.dgamma, float_bound, terms);
    expect_close("dbeta", from_parameters(norm.beta_grad()), want.dbeta, float_bound, terms);
    in_one.forward(to_eigen<Images>(c.x));
    EXPECT_TRUE(norm.running_mean().isApprox(in_one.running_mean(), 1e-6F));
    EXPECT_TRUE(norm.running_var().isApprox(in_one.running_var(), 1e-6F));
  });
}

}  // namespace
}  // namespace eigen_norm::test
