// SPDX-License-Identifier: MIT
#include "support/onnx.hpp"

#include <gtest/gtest.h>

#include "conformance/onnx_data.hpp"

// The reader of the ONNX node tests; the layers are held to the cases in float_test and
// double_test.
namespace eigen_norm::test::onnx {
namespace {

TEST_F(Onnx, has_every_expected_case) {
  EXPECT_EQ(cases_of("node", "BatchNormalization").size(), 4U);
  EXPECT_EQ(cases_of("pytorch-converted", "BatchNormalization").size(), 5U);
  EXPECT_EQ(cases_of("node", "LayerNormalization").size(), 19U);
  EXPECT_EQ(cases_of("node", "InstanceNormalization").size(), 2U);
}

TEST_F(Onnx, is_decoded_with_names_shapes_and_attributes) {
  const std::vector<Case> cases = cases_of("node", "BatchNormalization");
  ASSERT_FALSE(cases.empty());
  const Case& training = cases.at(1);
  EXPECT_EQ(training.name, "test_batchnorm_epsilon_training_mode");
  EXPECT_EQ(training.model.opset, 15);
  EXPECT_EQ(training.node().number("epsilon", 0), 1e-2F);
  EXPECT_EQ(training.node().integer("training_mode", 0), 1);
  EXPECT_EQ(training.node().number("momentum", 0.9F), 0.9F);
  EXPECT_EQ(training.input(0).dims, (Dims{2, 3, 4, 5}));
  EXPECT_EQ(training.input(4).dims, (Dims{3}));
  EXPECT_EQ(training.output(2).dims, (Dims{3}));
  EXPECT_EQ(training.input(0).values.front(), static_cast<Real>(0.407461822F));
  EXPECT_EQ(training.input(0).values.back(), static_cast<Real>(1.00924456F));
}

TEST_F(Onnx, finds_the_initializers_of_converted_models) {
  for (const Case& tested : cases_of("pytorch-converted", "BatchNormalization")) {
    EXPECT_EQ(tested.model.initializers.size(), 4U) << tested.name;
    EXPECT_EQ(tested.input(1).size(), tested.input(0).dims.at(1)) << tested.name;
  }
}

}  // namespace
}  // namespace eigen_norm::test::onnx
