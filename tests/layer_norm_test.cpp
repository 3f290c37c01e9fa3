// SPDX-License-Identifier: MIT
#include "eigen_norm/layer_norm.hpp"

#include <gtest/gtest.h>

#include "support/layer_check.hpp"
#include "support/shapes.hpp"

namespace eigen_norm::test {
namespace {

template <typename Scalar, int Rank>
void expect_shape(const Dims& dims, Index normalized_rank) {
  const Dims normalized(dims.end() - normalized_rank, dims.end());
  const Logical x = random_normal(dims, 5, -0.5L, 2), dy = random_normal(dims, 6);
  for_each_affine(count(normalized), [&](const Affine& affine) {
    LayerNormOptions options;
    options.eps = 1e-3;
    options.gamma = !affine.gamma.empty();
    options.beta = !affine.beta.empty();
    LayerNorm<Scalar> layer(normalized, options);
    set_affine(layer, affine);
    const Reference want = layer_norm(x, dy, affine, Real(options.eps), normalized_rank);
    const Example example{x, dy, want, want.y};
    expect_both_orders<Rank>(layer, example);
  });
}

template <typename Scalar>
void expect_every_shape() {
  for (const NamedShape& shape : trailing_shapes()) {
    const auto rank = static_cast<Index>(shape.dims.size());
    for (Index normalized_rank = 1; normalized_rank <= rank; ++normalized_rank) {
      SCOPED_TRACE(std::string(shape.name) + ", last " + std::to_string(normalized_rank));
      with_rank<2, 3, 4>(
          rank, [&](auto r) { expect_shape<Scalar, r.value>(shape.dims, normalized_rank); });
    }
  }
}

TEST(LayerNorm, FollowsTheDefinitionOnEveryShapeInFloat) { expect_every_shape<float>(); }
TEST(LayerNorm, FollowsTheDefinitionOnEveryShapeInDouble) { expect_every_shape<double>(); }

TEST(LayerNorm, HasTheDefaultsOfPyTorch) {
  const LayerNorm<float> norm({3, 4});
  EXPECT_EQ(norm.options().eps, 1e-5);
  EXPECT_TRUE(norm.is_training());
  EXPECT_EQ(norm.normalized_shape(), (std::vector<Index>{3, 4}));
  EXPECT_EQ(from_parameters(norm.gamma()), Values(12, 1));
  EXPECT_EQ(from_parameters(norm.beta()), Values(12, 0));
  EXPECT_EQ(from_parameters(norm.gamma_grad()), Values(12, 0));
  EXPECT_EQ(from_parameters(norm.beta_grad()), Values(12, 0));
}

TEST(LayerNorm, GivesGammaAndBetaOrOneAndZero) {
  LayerNormOptions options;
  for (const bool beta : {true, false}) {
    options.beta = beta;
    LayerNorm<float, 3> norm(options);
    norm.gamma() << 2, -3, 0.1F;
    if (beta) norm.beta() << 0.1F, 5, -1;
    const auto affine = norm.feature_affine<double>();
    static_assert(std::is_same_v<decltype(affine), const ChannelAffine<double, 3>>);
    EXPECT_EQ(from_parameters(affine.scale), from_parameters(norm.gamma()));
    EXPECT_EQ(from_parameters(affine.shift), beta ? from_parameters(norm.beta()) : Values(3, 0));
  }
  options.gamma = false;
  EXPECT_EQ(from_parameters(LayerNorm<float>({2, 3}, options).feature_affine().scale),
            Values(6, 1));
}

TEST(LayerNorm, RoundsItsAffineMapOnceTo16Bits) {
  LayerNorm<double> norm(2);
  norm.gamma().setConstant(1 + 0x1p-11 + 0x1p-30);  // beyond halfway from 1 to the next of half
  norm.beta() = norm.gamma();
  const auto affine = norm.feature_affine<Eigen::half>();
  EXPECT_EQ(static_cast<float>(affine.scale[1]), 1 + 0x1p-10F);
  EXPECT_EQ(static_cast<float>(affine.shift[1]), 1 + 0x1p-10F);
}

TEST(LayerNorm, IsConstructedFromANumberAListOrAVector) {
  EXPECT_EQ(LayerNorm<float>(7).normalized_shape(), std::vector<Index>{7});
  EXPECT_EQ(LayerNorm<float>({7}).normalized_shape(), std::vector<Index>{7});
  EXPECT_EQ(LayerNorm<float>({5, 6}).normalized_shape(), (std::vector<Index>{5, 6}));
  EXPECT_EQ(LayerNorm<float>(std::vector<Index>{2, 3, 4}).normalized_shape(),
            (std::vector<Index>{2, 3, 4}));
  LayerNormOptions options;
  options.beta = false;
  EXPECT_EQ(LayerNorm<float>({5, 6}, options).beta().size(), 0);
  EXPECT_EQ(LayerNorm<float>(7, options).gamma().size(), 7);
}

TEST(LayerNorm, IsTheSameInTrainingInEvalAndInInfer) {
  LayerNorm<float> norm(9);
  const Eigen::MatrixXf x = to_eigen<Eigen::MatrixXf>(random_normal({4, 9}, 1));
  const Eigen::MatrixXf y = norm.forward(x);
  norm.eval();
  EXPECT_FALSE(norm.is_training());
  EXPECT_EQ(norm.forward(x), y);
  EXPECT_EQ(norm.infer(x), y);
  norm.train(false);
  EXPECT_FALSE(norm.is_training());
  norm.train();
  EXPECT_TRUE(norm.is_training());
}

TEST(LayerNorm, RemembersMeanAndInverseDeviationOfEveryRow) {
  LayerNorm<float> norm(9);
  const Logical x = random_normal({4, 9}, 1, 3);
  const Reference want = layer_norm(x, x, {}, 1e-5L);
  norm.forward(to_eigen<Eigen::MatrixXf>(x));
  expect_close("mean", from_parameters(norm.batch_mean()), want.mean, 1e-6L);
  expect_close("inv_std", from_parameters(norm.batch_inv_std()), want.inv_std, 1e-6L);
}

TEST(LayerNorm, NumbersItsRowsInRowMajorOrderWhateverTheInput) {
  LayerNorm<float> norm(9);
  const Logical x = random_normal({4, 3, 9}, 1, 3);
  const Reference want = layer_norm(x, x, {}, 1e-5L);
  norm.forward(to_eigen<Eigen::Tensor<float, 3, Eigen::ColMajor>>(x));
  expect_close("column-major", from_parameters(norm.batch_mean()), want.mean, 1e-6L);
  norm.forward(to_eigen<Eigen::Tensor<float, 3, Eigen::RowMajor>>(x));
  expect_close("row-major", from_parameters(norm.batch_mean()), want.mean, 1e-6L);
}

TEST(LayerNorm, GivesBetaForASingleFeatureOrAConstantRow) {
  LayerNorm<float> single(1);
  single.beta()(0) = 0.25F;
  EXPECT_EQ(single.forward(Eigen::MatrixXf::Random(3, 1)), Eigen::MatrixXf::Constant(3, 1, 0.25F));

  LayerNormOptions options;
  options.eps = 0;
  LayerNorm<float> row(5, options);
  row.beta() = Eigen::ArrayXf::LinSpaced(5, -1, 1);
  const Eigen::MatrixXf x = Eigen::MatrixXf::Constant(2, 5, 10000.1F);
  const Eigen::MatrixXf y = row.forward(x);
  EXPECT_EQ(y.row(0), row.beta().matrix().transpose());
  EXPECT_EQ(row.backward(x, Eigen::MatrixXf::Random(2, 5)), Eigen::MatrixXf::Zero(2, 5));
}

// gamma and beta lie in row-major order of normalized_shape, so that weights mean the same.
TEST(LayerNorm, KeepsParametersInRowMajorOrderWhateverTheInput) {
  LayerNorm<float> norm({2, 3});
  norm.gamma().setZero();
  norm.beta() = Eigen::ArrayXf::LinSpaced(6, 0, 5);
  Eigen::Tensor<float, 3, Eigen::ColMajor> x(4, 2, 3);
  x.setRandom();
  const Eigen::Tensor<float, 3, Eigen::ColMajor> y = norm.infer(x);
  for (const Index row : {0, 1}) {
    for (const Index col : {0, 1, 2}) {
      EXPECT_EQ(y(3, row, col), static_cast<float>(3 * row + col));
    }
  }
}

TEST(LayerNorm, FixedAtCompileTimeAnswersAsTheOtherDoes) {
  LayerNorm<float, 9> fixed;
  LayerNorm<float> dynamic(9);
  EXPECT_EQ(fixed.normalized_shape(), std::vector<Index>{9});
  EXPECT_EQ(fixed.gamma().size(), 9);
  const Eigen::MatrixXf x = to_eigen<Eigen::MatrixXf>(random_normal({4, 9}, 1));
  EXPECT_EQ(fixed.forward(x), dynamic.forward(x));
  EXPECT_EQ(fixed.backward(x, x.reverse()), dynamic.backward(x, x.reverse()));
  EXPECT_EQ(from_parameters(fixed.gamma_grad()), from_parameters(dynamic.gamma_grad()));
}

}  // namespace
}  // namespace eigen_norm::test
