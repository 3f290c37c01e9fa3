// SPDX-License-Identifier: MIT
#include <eigen_norm/eigen_norm.hpp>
#include <onnx/onnx_pb.h>

int main() {
  const eigen_norm::LayerNorm<float, 4> norm;
  onnx::TensorProto gamma;
  gamma.add_dims(norm.gamma().size());
  return gamma.dims(0) == 4 ? 0 : 1;
}
