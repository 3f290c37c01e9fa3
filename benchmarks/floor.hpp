// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "problem.hpp"

namespace bench {

/// The least that a pass has to move: x read and y written, or x and dy read and dx written. By
/// several threads in parts, one each. 16-bit floats are added as integers: only moving counts.
template <typename Scalar>
void floor_of(Pass pass, Index size, const Data<Scalar>& data, int threads) {
  using Number = std::conditional_t<std::is_arithmetic_v<Scalar>, Scalar, std::uint16_t>;
  static_assert(sizeof(Number) == sizeof(Scalar));
  using Block = Eigen::Map<Eigen::Array<Number, Eigen::Dynamic, 1>>;
  using ConstBlock = Eigen::Map<const Eigen::Array<Number, Eigen::Dynamic, 1>>;
  const auto numbers = [](const Scalar* from) { return reinterpret_cast<const Number*>(from); };
  const auto move = [&](Index begin, Index count) {
    const Scalar* x = data.x.data() + begin;
    Scalar* out = data.out.data() + begin;
    if (pass == Pass::backward) {
      Block(reinterpret_cast<Number*>(out), count) =
          ConstBlock(numbers(x), count) + ConstBlock(numbers(data.dy.data() + begin), count);
    } else {
      std::memcpy(out, x, static_cast<std::size_t>(count) * sizeof(Scalar));
    }
  };
  if (threads == 1) return move(0, size);

  const Index part = (size / threads + 63) / 64 * 64;
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int i = 0; i < threads; ++i) {
    const Index begin = std::min(i * part, size);
    move(begin, i + 1 == threads ? size - begin : std::min(part, size - begin));
  }
}

}  // namespace bench
