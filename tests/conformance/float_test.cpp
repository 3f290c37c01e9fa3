// SPDX-License-Identifier: MIT
#include "conformance/onnx.hpp"
#include "conformance/onnx_data.hpp"
#include "conformance/torch_batch_norm.hpp"
#include "conformance/torch_group_norm.hpp"
#include "conformance/torch_layer_norm.hpp"

// One program part for each scalar: the kernels are compiled once for all that is compared.
namespace eigen_norm::test {
namespace {

TEST(Torch, batch_norm_1d_in_float) { compare_batch_norm_1d<float>(); }
TEST(Torch, batch_norm_2d_in_float) { compare_batch_norm<float, 2>(); }
TEST(Torch, batch_norm_3d_in_float) { compare_batch_norm<float, 3>(); }
TEST(Torch, instance_norm_1d_in_float) { compare_instance_norm<float, 1>(); }
TEST(Torch, instance_norm_2d_in_float) { compare_instance_norm<float, 2>(); }
TEST(Torch, instance_norm_3d_in_float) { compare_instance_norm<float, 3>(); }
TEST(Torch, layer_norm_in_float) { compare_layer_norm<float>(); }
TEST(Torch, rms_norm_in_float) { compare_rms_norm<float>(); }
TEST(Torch, group_norm_in_float) { compare_group_norm<float>(); }

TEST_F(Onnx, batch_normalization_in_float) { onnx::compare_batch_norm<float>("node"); }

TEST_F(Onnx, batch_normalization_from_pytorch_in_float) {
  onnx::compare_batch_norm<float>("pytorch-converted");
}

TEST_F(Onnx, instance_normalization_in_float) { onnx::compare_instance_norm<float>(); }

TEST_F(Onnx, layer_normalization_in_float) { onnx::compare_layer_norm<float>(); }

}  // namespace
}  // namespace eigen_norm::test
