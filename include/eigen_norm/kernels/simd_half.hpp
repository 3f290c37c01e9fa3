// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "eigen_norm/kernels/simd_vector.hpp"

/// Adjacent 16-bit floats to float and back: to the nearest, ties to even, with the bits that Eigen
/// gives a single one, subnormal numbers included. NaN stays NaN; which one half gets depends on
/// the processor, as with Eigen. half by the processor's instructions where there are some, the
/// rest by integers, all lanes at once.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

template <int Lanes>
using Floats = typename Vector<float, Lanes>::type;
template <int Lanes>
using Words = typename Vector<std::int32_t, Lanes>::type;

/// to(l) = the 16 bits at from(l). The compilers need more instructions than there are for it.
template <int Lanes>
void widen_bits(const void* from, Words<Lanes>& to) {
#if defined(__AVX512F__)
  if constexpr (Lanes == 16) {
    __m256i bits;
    std::memcpy(&bits, from, sizeof bits);
    to = reinterpret_cast<Words<Lanes>>(_mm512_maskz_cvtepu16_epi32(0xffff, bits));
    return;
  }
#endif
#if defined(__AVX2__)
  if constexpr (Lanes == 8) {
    __m128i bits;
    std::memcpy(&bits, from, sizeof bits);
    to = reinterpret_cast<Words<Lanes>>(_mm256_cvtepu16_epi32(bits));
    return;
  }
#endif
#if defined(__SSE2__)
  if constexpr (Lanes == 4) {
    const __m128i bits = _mm_loadl_epi64(static_cast<const __m128i*>(from));
    to = reinterpret_cast<Words<Lanes>>(_mm_unpacklo_epi16(bits, _mm_setzero_si128()));
    return;
  }
#endif
  typename Vector<std::uint16_t, Lanes>::type bits;
  std::memcpy(&bits, from, sizeof bits);
  convert_vector(bits, to);
}

/// to(l) = from(l), which 16 bits with a sign hold.
template <int Lanes>
void narrow_bits(const Words<Lanes>& from, void* to) {
#if defined(__AVX512F__)
  if constexpr (Lanes == 16) {
    const __m256i bits = _mm512_maskz_cvtepi32_epi16(0xffff, reinterpret_cast<__m512i>(from));
    std::memcpy(to, &bits, sizeof bits);
    return;
  }
#endif
#if defined(__SSE2__)
  if constexpr (Lanes == 8 || Lanes == 4) {
    __m128i parts[Lanes / 4];
    std::memcpy(parts, &from, sizeof from);
    const __m128i bits = _mm_packs_epi32(parts[0], parts[Lanes / 4 - 1]);
    std::memcpy(to, &bits, Lanes * sizeof(std::int16_t));
    return;
  }
#endif
  typename Vector<std::int16_t, Lanes>::type bits;
  convert_vector(from, bits);
  std::memcpy(to, &bits, sizeof bits);
}

/// bfloat16 is the upper half of a float.
template <int Lanes>
void widen(const Eigen::bfloat16* from, Floats<Lanes>& to) {
#if defined(__AVX512BW__)
  if constexpr (Lanes == 16) {  // one shuffle in place of widening and shifting
    __m256i bits;
    std::memcpy(&bits, from, sizeof bits);
    const __m512i twice_each = _mm512_set_epi64(
        0x000f000f000e000e, 0x000d000d000c000c, 0x000b000b000a000a, 0x0009000900080008,
        0x0007000700060006, 0x0005000500040004, 0x0003000300020002, 0x0001000100000000);
    constexpr __mmask32 upper = 0xaaaaaaaa;
    to = reinterpret_cast<Floats<Lanes>>(
        _mm512_maskz_permutexvar_epi16(upper, twice_each, _mm512_castsi256_si512(bits)));
    return;
  }
#endif
  Words<Lanes> bits;
  widen_bits<Lanes>(from, bits);
  to = reinterpret_cast<Floats<Lanes>>(bits << 16);
}

/// The processor's own conversion makes zeros of subnormal numbers and other NaN.
template <int Lanes>
void narrow(const Floats<Lanes>& from, Eigen::bfloat16* to) {
#if defined(__AVX512BF16__) && defined(__AVX512DQ__)
  if constexpr (Lanes == 16) {
    constexpr int subnormal_or_nan = 0xa1;
    if (_mm512_fpclass_ps_mask(from, subnormal_or_nan) == 0) {
      const __m256bh bits = _mm512_cvtneps_pbh(from);
      std::memcpy(static_cast<void*>(to), &bits, sizeof bits);
      return;
    }
  }
#endif
  const auto bits = reinterpret_cast<Words<Lanes>>(from);
  const Words<Lanes> nan = (bits & ~0x7fffffff) | 0x7fc00000;
  const Words<Lanes> valid = from == from ? bits : nan;
  narrow_bits<Lanes>((valid + 0x7fff + ((valid >> 16) & 1)) >> 16, to);
}

/// A normal number's exponent is 112 less than float's. One more makes 2^-14 + x of a subnormal x.
template <int Lanes>
void widen_by_integers(const Eigen::half* from, Floats<Lanes>& to) {
  Words<Lanes> bits;
  widen_bits<Lanes>(from, bits);
  const Words<Lanes> size = (bits & 0x7fff) << 13, normal = size + (112 << 23);
  const Words<Lanes> one_more = size + (113 << 23), infinite = normal + (112 << 23);
  const Floats<Lanes> subnormal = reinterpret_cast<Floats<Lanes>>(one_more) - 0x1p-14f;
  const Words<Lanes> finite =
      size < 0x0400 << 13 ? reinterpret_cast<Words<Lanes>>(subnormal) : normal;
  const Words<Lanes> unsigned_bits = size >= 0x7c00 << 13 ? infinite : finite;
  to = reinterpret_cast<Floats<Lanes>>(unsigned_bits | ((bits & 0x8000) << 16));
}

/// In 1/2 + x the last bit stands for 2^-24, half's smallest number: the sum rounds what is
/// subnormal.
template <int Lanes>
void narrow_by_integers(const Floats<Lanes>& from, Eigen::half* to) {
  const auto bits = reinterpret_cast<Words<Lanes>>(from), size = bits & 0x7fffffff;
  const Words<Lanes> valid = size < 143 << 23 ? size : size - size;
  const Words<Lanes> normal = (valid - (112 << 23) + 0xfff + ((valid >> 13) & 1)) >> 13;
  const Floats<Lanes> sum = reinterpret_cast<Floats<Lanes>>(size) + 0.5f;
  const Words<Lanes> subnormal = reinterpret_cast<Words<Lanes>>(sum) - (126 << 23);
  const Words<Lanes> infinite = 0x7c00 | ((size > 0x7f800000) & 0x0200);
  const Words<Lanes> finite = size < 113 << 23 ? subnormal : normal;
  const Words<Lanes> unsigned_bits = size >= 143 << 23 ? infinite : finite;
  narrow_bits<Lanes>(unsigned_bits | ((bits >> 16) & ~0x7fff), to);
}

template <int Lanes>
void widen(const Eigen::half* from, Floats<Lanes>& to) {
#if defined(__F16C__) && defined(__AVX512F__)
  if constexpr (Lanes == 16) {
    __m256i bits;
    std::memcpy(&bits, from, sizeof bits);
    to = _mm512_maskz_cvtph_ps(0xffff, bits);
    return;
  }
#endif
#if defined(__F16C__)
  if constexpr (Lanes == 8) {
    __m128i bits;
    std::memcpy(&bits, from, sizeof bits);
    to = _mm256_cvtph_ps(bits);
    return;
  }
  if constexpr (Lanes <= 4) {
    __m128i bits = _mm_setzero_si128();
    std::memcpy(&bits, from, Lanes * sizeof *from);
    const __m128 wide = _mm_cvtph_ps(bits);
    std::memcpy(&to, &wide, sizeof to);
    return;
  }
#endif
  widen_by_integers<Lanes>(from, to);
}

template <int Lanes>
void narrow(const Floats<Lanes>& from, Eigen::half* to) {
#if defined(__F16C__) && defined(__AVX512F__)
  if constexpr (Lanes == 16) {
    const __m256i bits = _mm512_maskz_cvtps_ph(0xffff, from, _MM_FROUND_TO_NEAREST_INT);
    std::memcpy(static_cast<void*>(to), &bits, sizeof bits);
    return;
  }
#endif
#if defined(__F16C__)
  if constexpr (Lanes == 8) {
    const __m128i bits = _mm256_cvtps_ph(from, _MM_FROUND_TO_NEAREST_INT);
    std::memcpy(static_cast<void*>(to), &bits, sizeof bits);
    return;
  }
  if constexpr (Lanes <= 4) {
    __m128 wide = _mm_setzero_ps();
    std::memcpy(&wide, &from, sizeof from);
    const __m128i bits = _mm_cvtps_ph(wide, _MM_FROUND_TO_NEAREST_INT);
    std::memcpy(static_cast<void*>(to), &bits, Lanes * sizeof *to);
    return;
  }
#endif
  narrow_by_integers<Lanes>(from, to);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
