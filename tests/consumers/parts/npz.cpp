// SPDX-License-Identifier: MIT
#include <eigen_norm/eigen_norm.hpp>
#include <zip.h>

int main() {
  const eigen_norm::LayerNorm<float, 4> norm;
  return norm.gamma().size() == 4 && zip_libzip_version() != nullptr ? 0 : 1;
}
