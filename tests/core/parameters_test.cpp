// SPDX-License-Identifier: MIT
#include "eigen_norm/core/parameters.hpp"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <vector>

namespace eigen_norm {
namespace {

static_assert(std::is_same_v<Parameters<float>, Eigen::ArrayXf>);
static_assert(std::is_same_v<Parameters<double, Eigen::Dynamic>, Eigen::ArrayXd>);
static_assert(std::is_same_v<Parameters<float, 7>,
                             Eigen::Array<float, Eigen::Dynamic, 1, Eigen::ColMajor, 7, 1>>);

TEST(Parameters, OfFixedSizeMayStillBeEmpty) {
  Parameters<float, 7> parameters(7);
  EXPECT_EQ(parameters.size(), 7);
  parameters.resize(0);
  EXPECT_EQ(parameters.size(), 0);
}

TEST(Buffered, KeepsItsMemoryWhenItShrinks) {
  Buffered<double> buffer;
  EXPECT_EQ(buffer.view().size(), 0);
  buffer.resize(5);
  const double* data = buffer.data();
  buffer.data()[4] = 7;
  EXPECT_EQ(buffer.view().size(), 5);
  buffer.resize(2);
  EXPECT_EQ(buffer.view().size(), 2);
  EXPECT_EQ(buffer.data(), data);
  buffer.resize(5);
  EXPECT_EQ(buffer.data(), data);
  EXPECT_EQ(buffer.view()[4], 7);
}

TEST(Buffered, IsCopiedAsAValue) {
  Buffered<double> first;
  first.resize(3);
  first.data()[1] = 5;
  Buffered<double> second = first;
  second.data()[1] = 6;
  EXPECT_EQ(first.view()[1], 5);
  EXPECT_EQ(second.view()[1], 6);
  EXPECT_EQ(second.view().size(), 3);
}

TEST(AffineParameters, StartAsTheIdentity) {
  const AffineParameters<float, Eigen::Dynamic> affine(3, true, true);
  EXPECT_EQ(affine.size(), 3);
  EXPECT_TRUE((affine.gamma() == 1).all() && affine.gamma().size() == 3);
  EXPECT_TRUE((affine.beta() == 0).all() && affine.beta().size() == 3);
  EXPECT_TRUE((affine.gamma_grad() == 0).all() && affine.gamma_grad().size() == 3);
  EXPECT_TRUE((affine.beta_grad() == 0).all() && affine.beta_grad().size() == 3);
}

TEST(AffineParameters, AreEmptyWhereThereAreNone) {
  const AffineParameters<float, 3> gamma_alone(3, true, false);
  EXPECT_EQ(gamma_alone.beta().size() + gamma_alone.beta_grad().size(), 0);
  EXPECT_TRUE(gamma_alone.any());
  EXPECT_TRUE(gamma_alone.is_consistent());
  EXPECT_NE(gamma_alone.view().gamma, nullptr);
  EXPECT_EQ(gamma_alone.view().beta, nullptr);
  const AffineParameters<float, 3> none(3, false, false);
  EXPECT_FALSE(none.any());
  EXPECT_TRUE(none.is_consistent());
  EXPECT_EQ(none.size(), 3);
}

TEST(AffineParameters, SeeThatAnArrayHasAnotherSize) {
  AffineParameters<float, Eigen::Dynamic> affine(3, true, true);
  EXPECT_TRUE(affine.is_consistent());
  affine.beta_grad().resize(2);
  EXPECT_FALSE(affine.is_consistent());
  affine.beta_grad().resize(3);
  affine.gamma().resize(0);
  EXPECT_FALSE(affine.is_consistent());
}

TEST(AffineParameters, AddUpGradientsUntilZeroed) {
  AffineParameters<float, Eigen::Dynamic> affine(2, true, false);
  const double dgamma[] = {1, 2}, dbeta[] = {3, 4};
  affine.accumulate(dgamma, dbeta);
  affine.accumulate(dgamma, dbeta);
  EXPECT_EQ(affine.gamma_grad()(1), 4);
  EXPECT_EQ(affine.beta_grad().size(), 0);
  affine.zero_grad();
  EXPECT_EQ(affine.gamma_grad()(1), 0);
}

TEST(AffineParameters, AreNamedAsInAStateDict) {
  const auto names = [](bool gamma, bool beta) {
    AffineParameters<float, Eigen::Dynamic> affine(2, gamma, beta);
    std::vector<std::string> result;
    affine.for_each([&](std::string_view name, auto& value, auto& grad) {
      EXPECT_EQ(value.size(), grad.size());
      result.emplace_back(name);
    });
    return result;
  };
  EXPECT_EQ(names(true, true), (std::vector<std::string>{"weight", "bias"}));
  EXPECT_EQ(names(true, false), std::vector<std::string>{"weight"});
  EXPECT_EQ(names(false, true), std::vector<std::string>{"bias"});
  EXPECT_TRUE(names(false, false).empty());
}

}  // namespace
}  // namespace eigen_norm
