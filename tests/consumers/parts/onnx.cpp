// SPDX-License-Identifier: MIT
#include <eigen_norm/eigen_norm.hpp>
#include <eigen_norm/io/onnx.hpp>

int main() {
  eigen_norm::LayerNorm<float, 4> norm;
  norm.gamma() << 1, 2, 3, 4;
  eigen_norm::io::save_onnx("layer.onnx", norm);
  const auto same =
      eigen_norm::io::load_onnx("layer.onnx").at("norm").as<eigen_norm::LayerNorm<float, 4>>();
  return (same.gamma() == norm.gamma()).all() ? 0 : 1;
}
