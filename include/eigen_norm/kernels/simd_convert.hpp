// SPDX-License-Identifier: MIT
#pragma once

#include <cstring>
#include <type_traits>

/// Conversions between vectors of float and double, which compilers make of a plain loop in halves
/// and through memory.

namespace eigen_norm::kernels {

/// to[i] = To(from[i]) for i < Size
template <typename To, typename From, int Size>
void convert(const From* from, To* to) {
#if defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 9 && !defined(__INTEL_COMPILER))
  constexpr bool both_float = (std::is_same_v<From, float> && std::is_same_v<To, double>) ||
                              (std::is_same_v<From, double> && std::is_same_v<To, float>);
  constexpr int lanes = Size < 8 ? Size : 8;
  if constexpr (both_float && (Size == 2 || Size == 4 || Size % 8 == 0)) {
    typedef From Source __attribute__((vector_size(lanes * sizeof(From))));
    typedef To Target __attribute__((vector_size(lanes * sizeof(To))));
    for (int i = 0; i < Size; i += lanes) {
      Source source;
      std::memcpy(&source, from + i, sizeof source);
      const Target target = __builtin_convertvector(source, Target);
      std::memcpy(to + i, &target, sizeof target);
    }
    return;
  }
#endif
  for (int i = 0; i < Size; ++i) to[i] = static_cast<To>(from[i]);
}

}  // namespace eigen_norm::kernels
