// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "eigen_norm/memory/abi.hpp"

/// What Eigen's public functions cannot say to the memory: to store past the cache, to fetch what
/// will be read soon. Where the compiler knows no way, nothing is said.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Whether one store of `Bytes` past the cache is there, at an address that is a multiple of them.
template <int Bytes>
inline constexpr bool can_stream = false;
template <int Bytes>
void stream(void*, const void*) {}

#if defined(__SSE2__)
template <>
inline constexpr bool can_stream<16> = true;
template <>
inline void stream<16>(void* to, const void* from) {
  _mm_stream_si128(static_cast<__m128i*>(to), _mm_loadu_si128(static_cast<const __m128i*>(from)));
}
#endif
#if defined(__AVX__)
template <>
inline constexpr bool can_stream<32> = true;
template <>
inline void stream<32>(void* to, const void* from) {
  _mm256_stream_si256(static_cast<__m256i*>(to),
                      _mm256_loadu_si256(static_cast<const __m256i*>(from)));
}
#endif
#if defined(__AVX512F__)
template <>
inline constexpr bool can_stream<64> = true;
template <>
inline void stream<64>(void* to, const void* from) {
  _mm512_stream_si512(static_cast<__m512i*>(to), _mm512_loadu_si512(from));
}
#endif

/// Makes what was streamed visible to other threads, before anything that is stored later.
inline void finish_streaming() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

/// Asks for the line `ahead` bytes behind `data` to be brought into the second-level cache. There
/// may be nothing.
inline void prefetch(const void* data, std::ptrdiff_t ahead) {
#if defined(__GNUC__)
  const auto address = reinterpret_cast<std::uintptr_t>(data) + static_cast<std::uintptr_t>(ahead);
  __builtin_prefetch(reinterpret_cast<const void*>(address), 0, 2);
#else
  static_cast<void>(data);
  static_cast<void>(ahead);
#endif
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
