// SPDX-License-Identifier: MIT
#include <eigen_norm/eigen_norm.hpp>
#include <nlohmann/json.hpp>

int main() {
  const eigen_norm::LayerNorm<float, 4> norm;
  return nlohmann::json::parse("[4]")[0] == norm.gamma().size() ? 0 : 1;
}
