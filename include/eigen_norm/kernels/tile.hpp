// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <array>

#include "eigen_norm/kernels/pack.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Lanes that are written together: as wide as the memory likes its lines, so that each page is
/// visited once.
inline constexpr Index tile_size = 1024;

/// Lanes that are summed together.
inline constexpr Index sum_tile_size = 512;

/// The longest of short runs, and lines of them that are summed together.
inline constexpr Index short_run = 512;
inline constexpr Index lines_together = 128;

/// Something of each of some adjacent lanes, on the stack.
template <typename T, Index Size = tile_size>
class Tile {
 public:
  T& operator[](Index lane) { return values_[static_cast<std::size_t>(lane)]; }
  const T& operator[](Index lane) const { return values_[static_cast<std::size_t>(lane)]; }
  T* data() { return values_.data(); }
  const T* data() const { return values_.data(); }

  /// The first `n` lanes as an array of Eigen.
  auto head(Index n) { return Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>(data(), n); }
  auto head(Index n) const {
    return Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>(data(), n);
  }
  auto segment(Index begin, Index n) const {
    return Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>(data() + begin, n);
  }

 private:
  std::array<T, static_cast<std::size_t>(Size)> values_;
};

template <typename T>
using SumTile = Tile<T, sum_tile_size>;

/// f(lane, group) for `width` lanes from channel c on.
template <typename F>
void for_each_lane(Index c, Index width, Index group, const F& f) {
  if (group == 1) {
    for (Index l = 0; l < width; ++l) f(l, c + l);
  } else {
    for (Index l = 0; l < width; ++l) f(l, (c + l) / group);
  }
}

/// A pack of a tile from lane l on.
template <int Lanes, typename T, Index Size>
Pack<T, Lanes> load_tile(const Tile<T, Size>& tile, Index l) {
  return load<T, Lanes>(tile.data() + l);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
