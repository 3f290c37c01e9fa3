// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <vector>

#include "support/logical.hpp"

namespace eigen_norm::test {

// A shape and why it is awkward.
struct NamedShape {
  const char* name;
  Dims dims;
};

// (N, C), (N, C, L), (N, C, H, W) and (N, C, D, H, W), channels first.
inline const std::vector<NamedShape>& channel_shapes() {
  static const std::vector<NamedShape> shapes{
      {"one channel", {7, 1}},
      {"two samples", {2, 5}},
      {"a packet less one", {9, 7}},
      {"one packet", {7, 8}},
      {"a packet and one", {8, 9}},
      {"two packets less one", {17, 15}},
      {"two packets", {15, 16}},
      {"two packets and one", {16, 17}},
      {"four packets less one", {33, 31}},
      {"four packets and one", {31, 33}},
      {"sixteen lanes in fours less one", {65, 63}},
      {"sixteen lanes in fours and one", {63, 65}},
      {"primes", {13, 11}},
      {"more rows than a chunk", {101, 6}},
      {"more lanes than are summed together", {3, 515}},
      {"more lanes than a tile", {3, 1030}},
      {"one long channel", {4099, 1}},
      {"one sample", {1, 6, 9}},
      {"one position", {6, 5, 1}},
      {"one sample of one channel", {1, 1, 7}},
      {"one channel of positions", {3, 1, 31}},
      {"prime positions", {3, 5, 37}},
      {"runs longer than a chunk", {2, 3, 2053}},
      {"many short runs", {700, 2, 3}},
      {"wide channels, few positions", {2, 514, 3}},
      {"one pixel", {6, 4, 1, 1}},
      {"one row of pixels", {2, 3, 1, 9}},
      {"odd pixels", {3, 6, 5, 7}},
      {"planes larger than a chunk", {1, 2, 47, 45}},
      {"seven by seven", {16, 4, 7, 7}},
      {"boxes", {2, 3, 3, 2, 5}},
      {"more boxes than a tile", {2, 1027, 2, 1, 3}},
  };
  return shapes;
}

// (rows..., D1, ..., Dk); the layer is asked for every k the rank allows.
inline const std::vector<NamedShape>& trailing_shapes() {
  static const std::vector<NamedShape> list{
      {"one feature", {6, 1}},
      {"two features", {5, 2}},
      {"one row", {1, 13}},
      {"one number", {1, 1}},
      {"a packet less one", {9, 7}},
      {"one packet", {7, 8}},
      {"a packet and one", {8, 9}},
      {"two packets less one", {17, 15}},
      {"two packets", {15, 16}},
      {"two packets and one", {16, 17}},
      {"four packets less one", {33, 31}},
      {"four packets and one", {31, 33}},
      {"sixteen lanes in fours less one", {65, 63}},
      {"sixteen lanes in fours and one", {63, 65}},
      {"primes", {13, 11}},
      {"a tile and one", {3, 1025}},
      {"more rows than a tile", {1031, 5}},
      {"rows longer than a chunk", {2, 4099}},
      {"a sequence", {3, 5, 7}},
      {"a sequence of single features", {3, 5, 1}},
      {"one row of a sequence", {1, 1, 31}},
      {"a long sequence of short rows", {2, 131, 3}},
      {"an image", {2, 3, 5, 7}},
      {"an image with a plane of one row", {3, 2, 1, 17}},
      {"a larger image", {2, 2, 31, 37}},
  };
  return list;
}

// The order of dimensions that moves the channels from the second place to the last.
inline Dims order_with_channels_last(Index rank) {
  Dims order;
  for (Index axis = 0; axis < rank; ++axis) order.push_back(axis);
  std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return order;
}

}  // namespace eigen_norm::test
