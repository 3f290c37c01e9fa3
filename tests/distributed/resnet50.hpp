// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "eigen_norm/memory/shape.hpp"

namespace eigen_norm::test {

// The channels of the BatchNorms of ResNet-50 (He, Zhang, Ren and Sun, 2016), in order: one after
// the first convolution, three in each block, and one in the shortcut of the first of each stage.
inline std::vector<Index> resnet50_channels() {
  std::vector<Index> channels{64};
  Index width = 64;
  for (const int blocks : {3, 4, 6, 3}) {
    for (int block = 0; block < blocks; ++block) {
      channels.insert(channels.end(), {width, width, 4 * width});
      if (block == 0) channels.push_back(4 * width);
    }
    width *= 2;
  }
  return channels;
}

}  // namespace eigen_norm::test
