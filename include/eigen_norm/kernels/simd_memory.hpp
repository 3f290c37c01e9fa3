// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

/// What Eigen's public functions cannot say to the memory: to store past the cache, to fetch what
/// will be read soon. Where the compiler knows no way, nothing is said.

namespace eigen_norm::kernels {

/// Bytes that one such store writes, at an address that is a multiple of them; 0 without.
#if defined(__AVX512F__)
inline constexpr int streamed_bytes = 64;
inline void stream(void* to, const void* from) {
  _mm512_stream_si512(static_cast<__m512i*>(to), _mm512_loadu_si512(from));
}
#elif defined(__AVX__)
inline constexpr int streamed_bytes = 32;
inline void stream(void* to, const void* from) {
  _mm256_stream_si256(static_cast<__m256i*>(to),
                      _mm256_loadu_si256(static_cast<const __m256i*>(from)));
}
#elif defined(__SSE2__)
inline constexpr int streamed_bytes = 16;
inline void stream(void* to, const void* from) {
  _mm_stream_si128(static_cast<__m128i*>(to), _mm_loadu_si128(static_cast<const __m128i*>(from)));
}
#else
inline constexpr int streamed_bytes = 0;
inline void stream(void*, const void*) {}
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

}  // namespace eigen_norm::kernels
