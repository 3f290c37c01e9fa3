// SPDX-License-Identifier: MIT
#include "conformance/onnx.hpp"
#include "conformance/onnx_data.hpp"
#include "conformance/torch_batch_norm.hpp"
#include "conformance/torch_group_norm.hpp"
#include "conformance/torch_layer_norm.hpp"

// One program part for each scalar: the kernels are compiled once for all that is compared.
namespace eigen_norm::test {
namespace {

TEST(Torch, batch_norm_1d_in_double) { compare_batch_norm_1d<double>(); }
TEST(Torch, batch_norm_2d_in_double) { compare_batch_norm<double, 2>(); }
TEST(Torch, batch_norm_3d_in_double) { compare_batch_norm<double, 3>(); }
TEST(Torch, instance_norm_1d_in_double) { compare_instance_norm<double, 1>(); }
TEST(Torch, instance_norm_2d_in_double) { compare_instance_norm<double, 2>(); }
TEST(Torch, instance_norm_3d_in_double) { compare_instance_norm<double, 3>(); }
TEST(Torch, layer_norm_in_double) { compare_layer_norm<double>(); }
TEST(Torch, rms_norm_in_double) { compare_rms_norm<double>(); }
TEST(Torch, group_norm_in_double) { compare_group_norm<double>(); }

TEST_F(Onnx, batch_normalization_in_double) { onnx::compare_batch_norm<double>("node"); }

TEST_F(Onnx, batch_normalization_from_pytorch_in_double) {
  onnx::compare_batch_norm<double>("pytorch-converted");
}

TEST_F(Onnx, instance_normalization_in_double) { onnx::compare_instance_norm<double>(); }

TEST_F(Onnx, layer_normalization_in_double) { onnx::compare_layer_norm<double>(); }

}  // namespace
}  // namespace eigen_norm::test
