// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cstring>
#include <type_traits>

#include "eigen_norm/kernels/scalar.hpp"
#include "eigen_norm/kernels/simd_half.hpp"
#include "eigen_norm/kernels/simd_vector.hpp"
#include "eigen_norm/memory/shape.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// `Lanes` adjacent scalars with their arithmetic, in one or more vector registers.
template <typename Scalar, int Lanes = pack_size<Scalar>>
class Pack {
  using Value = typename Vector<Scalar, Lanes>::type;

 public:
  Pack() = default;
  explicit Pack(const Scalar& all) {
    if constexpr (Lanes == 1) {
      value_ = all;
    } else {
      value_ = Value{} + all;
    }
  }

  static Pack load(const Scalar* data) {
    if constexpr (Lanes == 1) {
      return Pack(*data);
    } else {
      Value value;
      std::memcpy(&value, data, sizeof value);
      return Pack(value, 0);
    }
  }
  void store(Scalar* data) const {
    if constexpr (Lanes == 1) {
      *data = value_;
    } else {
      std::memcpy(data, &value_, sizeof value_);
    }
  }

  /// Of floats: from and to 16-bit floats.
  template <typename Half>
  static Pack widened(const Half* data) {
    Pack pack;
    widen<Lanes>(data, pack.value_);
    return pack;
  }
  template <typename Half>
  void store_narrowed(Half* data) const {
    narrow<Lanes>(value_, data);
  }

  friend Pack operator+(const Pack& a, const Pack& b) { return Pack(a.value_ + b.value_, 0); }
  friend Pack operator-(const Pack& a, const Pack& b) { return Pack(a.value_ - b.value_, 0); }
  friend Pack operator*(const Pack& a, const Pack& b) { return Pack(a.value_ * b.value_, 0); }
  friend Pack operator+(const Pack& a, const Scalar& b) { return Pack(a.value_ + b, 0); }
  friend Pack operator-(const Pack& a, const Scalar& b) { return Pack(a.value_ - b, 0); }
  friend Pack operator*(const Pack& a, const Scalar& b) { return Pack(a.value_ * b, 0); }
  friend Pack operator*(const Scalar& a, const Pack& b) { return b * a; }
  Pack& operator+=(const Pack& other) {
    value_ += other.value_;
    return *this;
  }

  /// By halves: lane l and lane l + Lanes / 2 first.
  Scalar sum() const {
    if constexpr (Lanes == 1) {
      return value_;
    } else {
      using Half = Pack<Scalar, Lanes / 2>;
      typename Vector<Scalar, Lanes / 2>::type halves[2];
      std::memcpy(halves, &value_, sizeof value_);
      return Half(halves[0] + halves[1], 0).sum();
    }
  }

  template <typename Other>
  Pack<Other, Lanes> as() const {
    if constexpr (std::is_same_v<Other, Scalar>) {
      return *this;
    } else if constexpr (Lanes == 1) {
      return Pack<Other, 1>(static_cast<Other>(value_));
    } else {
      typename Vector<Other, Lanes>::type converted;
      convert_vector(value_, converted);
      return Pack<Other, Lanes>(converted, 0);
    }
  }

 private:
  template <typename, int>
  friend class Pack;
  Pack(const Value& value, int) : value_(value) {}

  Value value_;
};

/// Reads `Lanes` adjacent elements, widened to `Compute`.
template <typename Compute, int Lanes, typename Scalar>
Pack<Compute, Lanes> load(const Scalar* data) {
  if constexpr (Lanes > 1 && is_16_bit_float<Scalar>) {
    return Pack<float, Lanes>::widened(data).template as<Compute>();
  } else {
    return Pack<Scalar, Lanes>::load(data).template as<Compute>();
  }
}

/// Writes a pack, narrowed to the data's scalar.
template <int Lanes, typename Scalar, typename Compute>
void store(Scalar* data, const Pack<Compute, Lanes>& values) {
  if constexpr (Lanes > 1 && is_16_bit_float<Scalar>) {
    values.template as<float>().store_narrowed(data);
  } else {
    values.template as<Scalar>().store(data);
  }
}

/// Calls f(lanes, i) for all places i of [begin, n): whole packs first, then quarters of one, then
/// single elements. `lanes` is an integral constant. f is best a lambda that captures by value:
/// what it holds stays in registers.
template <typename Compute, int Lanes = pack_size<Compute>, typename F>
EIGEN_ALWAYS_INLINE void for_each_pack(Index n, const F& f, Index begin = 0) {
  Index i = begin;
  for (; i + Lanes <= n; i += Lanes) f(std::integral_constant<int, Lanes>{}, i);
  if constexpr (Lanes > 1) for_each_pack<Compute, (Lanes + 3) / 4>(n, f, i);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
