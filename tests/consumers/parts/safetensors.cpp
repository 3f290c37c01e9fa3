// SPDX-License-Identifier: MIT
#include <eigen_norm/eigen_norm.hpp>
#include <eigen_norm/io/model_state.hpp>
#include <eigen_norm/io/safetensors.hpp>

int main() {
  eigen_norm::LayerNorm<float, 4> norm, same;
  norm.gamma() << 1, 2, 3, 4;
  eigen_norm::io::StateDict state;
  state.add("", norm);
  eigen_norm::io::save_safetensors("layer.safetensors", state);
  eigen_norm::io::load(eigen_norm::io::load_safetensors("layer.safetensors"), same);
  return (same.gamma() == norm.gamma()).all() ? 0 : 1;
}
