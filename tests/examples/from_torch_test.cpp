// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <eigen_norm/io/safetensors.hpp>
#include <string>

#include "from_torch/resnet.hpp"

namespace {

namespace io = eigen_norm::io;
using from_torch::Matrix;

const std::string folder = EIGEN_NORM_EXAMPLES_DATA_DIR;

class FromTorch : public testing::Test {
 protected:
  void SetUp() override {
    from_torch::state_of(network_).load(
        io::load_safetensors(folder + "/digits_resnet.safetensors"));
  }

  template <typename Logits>
  void expect_as_in_torch(const Matrix& got, const Logits& torch) const {
    ASSERT_EQ(got.rows(), torch.rows());
    EXPECT_LE((got.cast<double>() - torch.template cast<double>()).cwiseAbs().maxCoeff(), 1e-5);
  }

  from_torch::ResNet<from_torch::ConvolutionAndNorm> network_ = from_torch::make_resnet();
  const io::StateDict batch_ = io::load_safetensors(folder + "/digits_resnet_batch.safetensors");
};

TEST_F(FromTorch, logits_are_those_of_pytorch) {
  const Matrix logits = network_.infer(batch_.get<from_torch::Images>("x"));
  expect_as_in_torch(logits, batch_.get<Matrix>("logits"));
  expect_as_in_torch(logits, batch_.get<Eigen::MatrixXd>("logits_float64"));
}

TEST_F(FromTorch, logits_of_the_folded_network_are_those_of_pytorch) {
  const Matrix logits = from_torch::folded(network_).infer(batch_.get<from_torch::Images>("x"));
  expect_as_in_torch(logits, batch_.get<Matrix>("logits"));
  expect_as_in_torch(logits, batch_.get<Eigen::MatrixXd>("logits_float64"));
}

TEST_F(FromTorch, a_network_of_other_shapes_is_refused) {
  network_.weight.resize(11, 32);
  EXPECT_THROW(from_torch::state_of(network_).load(
                   io::load_safetensors(folder + "/digits_resnet.safetensors")),
               std::invalid_argument);
}

}  // namespace
