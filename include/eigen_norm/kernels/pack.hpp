// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <type_traits>

#include "eigen_norm/kernels/simd_convert.hpp"
#include "eigen_norm/memory/shape.hpp"

namespace eigen_norm::kernels {

/// As many adjacent scalars as one vector register holds; 1 for types without vector arithmetic.
template <typename Scalar>
inline constexpr int pack_size =
    !std::is_arithmetic_v<Scalar> || (EIGEN_MAX_STATIC_ALIGN_BYTES) < int{sizeof(Scalar)}
        ? 1
        : (EIGEN_MAX_STATIC_ALIGN_BYTES) / int{sizeof(Scalar)};

/// `Lanes` adjacent scalars with their arithmetic, each operation evaluated at once: in vector
/// registers by Eigen's fixed-size arrays, plainly where there is one lane.
template <typename Scalar, int Lanes = pack_size<Scalar>>
class Pack {
  using Value = std::conditional_t<Lanes == 1, Scalar, Eigen::Array<Scalar, Lanes, 1>>;

 public:
  Pack() = default;
  explicit Pack(const Scalar& all) {
    if constexpr (Lanes == 1) {
      value_ = all;
    } else {
      value_ = Value::Constant(all);
    }
  }

  static Pack load(const Scalar* data) {
    if constexpr (Lanes == 1) {
      return Pack(*data);
    } else {
      return Pack(Eigen::Map<const Value>(data), 0);
    }
  }
  void store(Scalar* data) const {
    if constexpr (Lanes == 1) {
      *data = value_;
    } else {
      Eigen::Map<Value>{data} = value_;
    }
  }

  friend Pack operator+(const Pack& a, const Pack& b) { return Pack(a.value_ + b.value_, 0); }
  friend Pack operator-(const Pack& a, const Pack& b) { return Pack(a.value_ - b.value_, 0); }
  friend Pack operator*(const Pack& a, const Pack& b) { return Pack(a.value_ * b.value_, 0); }
  // Not through Pack(all): compilers keep it in memory.
  friend Pack operator+(const Pack& a, const Scalar& b) { return Pack(a.value_ + b, 0); }
  friend Pack operator-(const Pack& a, const Scalar& b) { return Pack(a.value_ - b, 0); }
  friend Pack operator*(const Pack& a, const Scalar& b) { return Pack(a.value_ * b, 0); }
  friend Pack operator*(const Scalar& a, const Pack& b) { return b * a; }
  Pack& operator+=(const Pack& other) {
    value_ += other.value_;
    return *this;
  }

  Scalar sum() const {
    if constexpr (Lanes == 1) {
      return value_;
    } else {
      return value_.sum();
    }
  }

  template <typename Other>
  Pack<Other, Lanes> as() const {
    if constexpr (std::is_same_v<Other, Scalar>) {
      return *this;
    } else if constexpr (Lanes == 1) {
      return Pack<Other, 1>(static_cast<Other>(value_));
    } else {
      Pack<Other, Lanes> result;
      convert<Other, Scalar, Lanes>(value_.data(), &result[0]);
      return result;
    }
  }

  Scalar& operator[](int lane) {
    if constexpr (Lanes == 1) {
      return value_;
    } else {
      return value_[lane];
    }
  }

 private:
  template <typename Expression>
  Pack(const Expression& value, int) : value_(value) {}

  Value value_;
};

/// Reads `Lanes` adjacent elements, widened to `Compute`.
template <typename Compute, int Lanes, typename Scalar>
Pack<Compute, Lanes> load(const Scalar* data) {
  return Pack<Scalar, Lanes>::load(data).template as<Compute>();
}

/// Writes a pack, narrowed to the data's scalar.
template <int Lanes, typename Scalar, typename Compute>
void store(Scalar* data, const Pack<Compute, Lanes>& values) {
  values.template as<Scalar>().store(data);
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

}  // namespace eigen_norm::kernels
