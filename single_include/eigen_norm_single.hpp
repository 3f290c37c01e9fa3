// SPDX-License-Identifier: MIT
// Copyright (c) 2026 eigen-norm contributors
//
// eigen-norm 0.1.0, written by cmake/single_header.sh from the headers of include/eigen_norm;
// changes belong there.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>   // std::fputs, where there are no exceptions
#include <cstdlib>  // std::abort, where there are no exceptions
#include <cstring>
#include <initializer_list>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unsupported/Eigen/CXX11/Tensor>
#include <utility>
#include <vector>

// === eigen_norm/memory/abi.hpp

/// Eigen aligns what it owns, and lays out fixed sizes, by the vector instructions that a file is
/// compiled for: an array made under `-march=x86-64` and freed, or read by vectors, under
/// `-march=x86-64-v3` is a crash at best. So all names of the library lie in inline namespaces that
/// say which alignments they were compiled for. The linker never takes functions of one alignment
/// for those of another, and finds none that takes a layer of another:
///
///     undefined reference to `step(eigen_norm::align_16_16::LayerNorm<float, -1>&)'
///
/// A class that has a layer as a member hides that from the linker. Flags of equal alignment, as
/// AVX beside AVX2, are not told apart: objects pass, and of each inline function one file's is
/// taken, as with any header.
///
/// The numbers are EIGEN_MAX_ALIGN_BYTES, of the heap, and EIGEN_MAX_STATIC_ALIGN_BYTES.
#define EIGEN_NORM_JOIN_TEXT(heap, fixed) align_##heap##_##fixed
#define EIGEN_NORM_JOIN(heap, fixed) EIGEN_NORM_JOIN_TEXT(heap, fixed)
#define EIGEN_NORM_ABI EIGEN_NORM_JOIN(EIGEN_MAX_ALIGN_BYTES, EIGEN_MAX_STATIC_ALIGN_BYTES)

// === eigen_norm/memory/error.hpp

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

/// Throws `Error(message)`: the one place of the library that does. Compiled without exceptions it
/// prints the message and aborts.
template <typename Error>
[[noreturn]] inline void raise(const std::string& message) {
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
  throw Error(message);
#else
  std::fputs((message + "\n").c_str(), stderr);
  std::abort();
#endif
}

/// Bad input at the API edge.
[[noreturn]] inline void raise_invalid(const std::string& message) {
  raise<std::invalid_argument>(message);
}

/// A call that comes at the wrong time, such as backward before forward.
[[noreturn]] inline void raise_logic(const std::string& message) {
  raise<std::logic_error>(message);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory

// === eigen_norm/memory/shape.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

using Index = Eigen::Index;

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

/// The dimensions of a tensor, kept inline: (32, 64, 28, 28).
class Shape {
 public:
  static constexpr int max_rank = 8;

  Shape() = default;
  Shape(std::initializer_list<Index> dimensions) {
    for (const Index dimension : dimensions) push_back(dimension);
  }

  void push_back(Index dimension) {
    if (rank_ == max_rank) raise_invalid("eigen_norm: a shape has at most 8 dimensions");
    dimensions_[static_cast<std::size_t>(rank_++)] = dimension;
  }

  int rank() const { return rank_; }
  Index operator[](int axis) const { return dimensions_[static_cast<std::size_t>(axis)]; }

  /// Product of the dimensions `first <= axis < last`; 1 where there are none.
  Index product(int first, int last) const {
    Index result = 1;
    for (int axis = first; axis < last; ++axis) result *= (*this)[axis];
    return result;
  }
  Index size() const { return product(0, rank_); }

  /// Whether an Index holds the product of any of its dimensions.
  bool is_countable() const {
    Index most = std::numeric_limits<Index>::max();
    for (int axis = 0; axis < rank_; ++axis) {
      const Index size = std::max<Index>(1, (*this)[axis]);
      if (size > most) return false;
      most /= size;
    }
    return true;
  }

  /// The dimensions `first <= axis < last`.
  Shape part(int first, int last) const {
    Shape result;
    for (int axis = first; axis < last; ++axis) result.push_back((*this)[axis]);
    return result;
  }

  /// The dimensions but one.
  Shape without(int axis) const {
    Shape result = part(0, axis);
    for (int later = axis + 1; later < rank_; ++later) result.push_back((*this)[later]);
    return result;
  }

  /// The dimensions that are not 1: what tells a vector of any shape.
  Shape without_ones() const {
    Shape result;
    for (int axis = 0; axis < rank_; ++axis) {
      if ((*this)[axis] != 1) result.push_back((*this)[axis]);
    }
    return result;
  }

  /// "2, 3, 4"
  std::string list() const {
    std::string text;
    for (int axis = 0; axis < rank_; ++axis) {
      text += (axis > 0 ? ", " : "") + std::to_string((*this)[axis]);
    }
    return text;
  }
  /// "(2, 3, 4)". Appended: in C++20 g++ 12 warns of an insertion at the front, which is + here.
  std::string text() const { return std::string("(").append(list()).append(")"); }

  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_ == b.rank_ && a.dimensions_ == b.dimensions_;
  }
  friend bool operator!=(const Shape& a, const Shape& b) { return !(a == b); }

 private:
  std::array<Index, max_rank> dimensions_{};
  int rank_ = 0;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory

// === eigen_norm/memory/layout.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Where the channels stand in the logical index: (N, C, ...) or (N, ..., C).
enum class ChannelAxis { first, last };

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

/// How a dense tensor of a given shape lies in memory.
///
/// Row-major: the last index runs fastest; column-major (Eigen's default): the first. Everything is
/// packed, but for rank 2, where `leading` is the distance between neighbours along the slow axis
/// (the outer stride of an Eigen matrix or block).
struct Layout {
  Shape shape;
  bool row_major = true;
  Index leading = 0;

  static Layout packed(const Shape& shape, bool row_major) {
    const int rank = shape.rank();
    return {shape, row_major, row_major ? shape.product(1, rank) : shape.product(0, rank - 1)};
  }

  /// The same packed memory as one sample: (C, ...) as (1, C, ...).
  Layout as_batch() const {
    Shape one;
    one.push_back(1);
    for (int axis = 0; axis < shape.rank(); ++axis) one.push_back(shape[axis]);
    return packed(one, row_major);
  }

  /// The same memory of a matrix with its axes exchanged.
  Layout transposed() const { return {{shape[1], shape[0]}, !row_major, leading}; }

  bool is_packed() const {
    const Layout same_but_packed = packed(shape, row_major);
    const Index lines = shape.rank() == 0 ? 1 : shape[row_major ? 0 : shape.rank() - 1];
    return lines <= 1 || leading == same_but_packed.leading;
  }

  /// Elements from the first to one past the last.
  Index span() const {
    if (shape.size() == 0) return 0;
    const Index lines = shape.rank() == 0 ? 1 : shape[row_major ? 0 : shape.rank() - 1];
    return (lines - 1) * leading + shape.size() / lines;
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory

// === eigen_norm/core/options.hpp

/// What a layer can be told at construction. The defaults are PyTorch's. Options are aggregates:
/// `{.eps = 1e-3, .momentum = std::nullopt}` in C++20, member by member in C++17. The presets are
/// the defaults of other frameworks, in this library's terms: Keras, Flax and ONNX count momentum
/// as the weight of the old value, so that their 0.99 is 0.01 here.

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Which variance the running one is an average of. Normalising always uses the biased one.
enum class RunningVariance {
  unbiased,  ///< divided by m - 1 (PyTorch)
  biased     ///< divided by m (Keras, Flax, ONNX)
};

/// How far batch renormalization corrects towards the running statistics, at most.
struct BatchRenorm {
  double r_max = 3;  ///< of the ratio of standard deviations; at least 1 / r_max; >= 1
  double d_max = 5;  ///< of the distance of means, in running standard deviations; >= 0
};

struct BatchNormOptions {
  double eps = 1e-5;                     ///< added to the variance, >= 0
  std::optional<double> momentum = 0.1;  ///< weight of the new batch; nullopt: cumulative average
  bool gamma = true;                     ///< learn a scale by channel
  bool beta = true;                      ///< learn a shift by channel
  bool track_running_stats = true;       ///< false: every batch is normalised by its own statistics
  RunningVariance running_variance = RunningVariance::unbiased;  ///< what running_var averages
  ChannelAxis channels = ChannelAxis::first;                     ///< (N, C, ...) or (N, ..., C)
  std::optional<Index> virtual_batch_size = {};  ///< so many samples share statistics; nullopt: all
  std::optional<BatchRenorm> renorm = {};        ///< renormalise in training

  static BatchNormOptions torch() { return {}; }
  static BatchNormOptions keras() {
    return {1e-3, 0.01, true, true, true, RunningVariance::biased, ChannelAxis::last, {}, {}};
  }
  static BatchNormOptions flax() {
    return {1e-5, 0.01, true, true, true, RunningVariance::biased, ChannelAxis::last, {}, {}};
  }
  static BatchNormOptions onnx() {
    return {1e-5, 0.1, true, true, true, RunningVariance::biased, ChannelAxis::first, {}, {}};
  }
};

/// The same members but the last two, with other defaults.
struct InstanceNormOptions {
  double eps = 1e-5;                     ///< added to the variance, >= 0
  std::optional<double> momentum = 0.1;  ///< weight of the new batch; nullopt: cumulative average
  bool gamma = false;                    ///< learn a scale by channel
  bool beta = false;                     ///< learn a shift by channel
  bool track_running_stats = false;      ///< true: eval normalises every instance by the same
  RunningVariance running_variance = RunningVariance::unbiased;  ///< what running_var averages
  ChannelAxis channels = ChannelAxis::first;                     ///< (N, C, ...) or (N, ..., C)

  static InstanceNormOptions torch() { return {}; }
  static InstanceNormOptions keras() {  // GroupNormalization(groups=-1)
    return {1e-3, 0.01, true, true, false, RunningVariance::biased, ChannelAxis::last};
  }
  static InstanceNormOptions flax() {
    return {1e-6, 0.01, true, true, false, RunningVariance::biased, ChannelAxis::last};
  }
  static InstanceNormOptions onnx() {
    return {1e-5, 0.1, true, true, false, RunningVariance::biased, ChannelAxis::first};
  }
};

struct GroupNormOptions {
  double eps = 1e-5;                          ///< added to the variance, >= 0
  bool gamma = true;                          ///< learn a scale by channel
  bool beta = true;                           ///< learn a shift by channel
  ChannelAxis channels = ChannelAxis::first;  ///< (N, C, ...) or (N, ..., C)

  static GroupNormOptions torch() { return {}; }
  static GroupNormOptions keras() { return {1e-3, true, true, ChannelAxis::last}; }
  static GroupNormOptions flax() { return {1e-6, true, true, ChannelAxis::last}; }
  static GroupNormOptions onnx() { return {}; }
};

struct LayerNormOptions {
  double eps = 1e-5;  ///< added to the variance, >= 0
  bool gamma = true;  ///< learn a scale by element of normalized_shape
  bool beta = true;   ///< learn a shift by element of normalized_shape

  static LayerNormOptions torch() { return {}; }
  static LayerNormOptions keras() { return {1e-3, true, true}; }
  static LayerNormOptions flax() { return {1e-6, true, true}; }
  static LayerNormOptions onnx() { return {}; }
};

struct RMSNormOptions {
  std::optional<double> eps = {};    ///< added to the mean square, >= 0; nullopt: the machine's, of
                                     ///< the type that is computed in (1.2e-7 for float)
  bool gamma = true;                 ///< learn a scale by element of normalized_shape
  bool zero_centered_gamma = false;  ///< scale by 1 + gamma, gamma being 0 to begin with

  static RMSNormOptions torch() { return {}; }
  static RMSNormOptions keras() { return {1e-6}; }
  static RMSNormOptions flax() { return {1e-6}; }
  static RMSNormOptions onnx() { return {1e-5}; }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/kernels/scalar.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

template <typename Scalar>
inline constexpr bool is_16_bit_float =
    std::is_same_v<Scalar, Eigen::half> || std::is_same_v<Scalar, Eigen::bfloat16>;

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// The type of gamma, beta and their gradients: float for 16-bit data, else the data's own.
template <typename Scalar>
using Param = std::conditional_t<kernels::is_16_bit_float<Scalar>, float, Scalar>;

/// The type statistics are merged and kept in: double for everything narrower, else the scalar
/// itself, so that long double and automatic differentiation stay what they are.
template <typename Scalar>
using Stat = std::conditional_t<std::is_same_v<Param<Scalar>, float>, double, Scalar>;

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/kernels/rounding.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// A wider number cut off to a float, whose last bit is set where that has lost anything: so that a
/// later rounding to 11 bits or fewer knows.
template <typename Wide>
float round_to_odd(const Wide& value) {
  using std::abs;
  const auto nearest = static_cast<float>(value);
  const auto there = static_cast<Wide>(nearest);
  if (!(there < value || there > value)) return nearest;
  std::uint32_t bits;
  std::memcpy(&bits, &nearest, sizeof bits);
  if (abs(there) > abs(value)) --bits;
  bits |= 1;
  float odd;
  std::memcpy(&odd, &bits, sizeof odd);
  return odd;
}

/// To the nearest. Eigen goes to 16 bits by way of float, which rounds a second time: halfway
/// between two numbers, after a float that was not, it takes the wrong one.
template <typename To, typename Wide>
To rounded(const Wide& value) {
  if constexpr (is_16_bit_float<To> && !std::is_same_v<Wide, float> && !std::is_same_v<Wide, To>) {
    return static_cast<To>(round_to_odd(value));
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/coefficients.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// What a normalization does to the values that share it: xhat = (x - mean) * inv_std.
template <typename S>
struct Statistic {
  S mean;
  S inv_std;
};

/// 1 / sqrt(var + eps), and 0 where that is 1 / 0: a constant group without eps gives beta.
template <typename S>
S inverse_std(const S& var, double eps) {
  using std::sqrt;
  const S squared = var + S(eps);
  return squared == S(0) ? S(0) : S(S(1) / sqrt(squared));
}

/// Rounded to P, at most P's largest number: 1 / sigma of subnormal data is beyond float.
template <typename P, typename S>
P narrow(const S& value) {
  if constexpr (!std::is_same_v<P, S>) {
    const S largest = S(std::numeric_limits<P>::max());
    return rounded<P>(value > largest ? largest : value < -largest ? -largest : value);
  } else {
    return value;
  }
}

/// gamma and beta by channel, either of which may be absent (null): then it is 1 or 0. A gamma that
/// is there may be kept as its distance from `gamma_offset`.
template <typename P>
struct Affine {
  const P* gamma = nullptr;
  const P* beta = nullptr;
  P gamma_offset = P(0);

  P gamma_at(Index channel) const {
    return gamma != nullptr ? P(gamma[channel] + gamma_offset) : P(1);
  }
  P beta_at(Index channel) const { return beta != nullptr ? beta[channel] : P(0); }
};

/// y = (x - centre) * scale + shift. The centre is the mean as the data's type can hold it; what it
/// lost by rounding is in the shift. All computed in Stat and rounded once, one operation at a
/// time: scalars that are differentiated may have no derivatives yet, which longer expressions
/// miss.
template <typename P>
struct Forward {
  P centre, scale, shift;

  Forward() = default;
  template <typename S>
  Forward(const Statistic<S>& s, const P& gamma, const P& beta) : centre(static_cast<P>(s.mean)) {
    const S a = S(gamma) * s.inv_std;
    const S lost = S(centre) - s.mean, rest = lost * a;
    scale = narrow<P>(a);
    shift = static_cast<P>(S(beta) + rest);
  }
};

/// xhat = (x - centre) * inv_std + rest, where gamma and beta come later.
template <typename P>
struct Standardise {
  P centre, inv_std, rest;

  Standardise() = default;
  template <typename S>
  explicit Standardise(const Statistic<S>& s)
      : centre(static_cast<P>(s.mean)),
        inv_std(narrow<P>(s.inv_std)),
        rest(static_cast<P>((S(centre) - s.mean) * s.inv_std)) {}
};

/// What a value gets of the two sums over the m that share its statistic: 1 / m of both, but
/// nothing of the first where no mean is taken away (RMSNorm).
template <typename S>
struct Shares {
  S dy, dy_xhat;

  Shares(Index count, bool centred)
      : dy(centred ? S(S(1) / S(static_cast<double>(count))) : S(0)),
        dy_xhat(S(1) / S(static_cast<double>(count))) {}
};

/// The two sums behind every backward pass, over values that share a statistic:
///
///     dy = sum_i dy_i,   dy_xhat = sum_i dy_i * xhat_i
template <typename S>
struct GradientSums {
  S dy, dy_xhat;

  /// What sums begin with. A new one has no value: tiles of them are not written twice.
  static GradientSums zero() { return {S(0), S(0)}; }

  GradientSums& operator+=(const GradientSums& other) {
    dy += other.dy;
    dy_xhat += other.dy_xhat;
    return *this;
  }
  void add(const GradientSums& other, const S& weight) {
    dy += S(weight * other.dy);
    dy_xhat += S(weight * other.dy_xhat);
  }
};

/// dx = (gamma * dy + slope * (x - centre) + offset) * inv_std, which is
///
///     dx = inv_std * (gamma * dy - t1 / m - xhat * t2 / m)
///     t1 = sum(gamma * dy) = t.dy,   t2 = sum(gamma * dy * xhat) = t.dy_xhat
///
/// in centred form: xhat = (x - centre) * inv_std + (centre - mean) * inv_std; `share` has 1 / m.
/// The inv_std before the bracket may be another than that of xhat, where x is not the input
/// itself.
template <typename P>
struct Backward {
  P centre, inv_std, slope, offset;

  Backward() = default;
  template <typename S>
  Backward(const Statistic<S>& s, const GradientSums<S>& t, const Shares<S>& share)
      : Backward(s, t, share, s.inv_std) {}
  template <typename S>
  Backward(const Statistic<S>& s, const GradientSums<S>& t, const Shares<S>& share,
           const S& outer_inv_std)
      : centre(static_cast<P>(s.mean)), inv_std(narrow<P>(outer_inv_std)) {
    const S xhat_sum = s.inv_std * t.dy_xhat, xhat_share = xhat_sum * share.dy_xhat;
    const S lost = S(centre) - s.mean, rest = lost * xhat_share, dy_share = t.dy * share.dy;
    slope = static_cast<P>(-xhat_share);
    offset = static_cast<P>(-dy_share - rest);
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/core/parameters.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// One number for each channel or feature. With a fixed `Size` it lives inline and holds at most
/// that many, so that it can still be empty.
template <typename P, int Size = Eigen::Dynamic>
using Parameters = Eigen::Array<P, Eigen::Dynamic, 1, Eigen::ColMajor, Size, 1>;

/// y = x * scale + shift, by channel or feature.
template <typename P, int Size = Eigen::Dynamic>
struct ChannelAffine {
  Parameters<P, Size> scale, shift;
};

/// An array that keeps its memory: `resize` allocates only beyond the largest size so far.
template <typename S, int Size = Eigen::Dynamic>
class Buffered {
 public:
  using View = Eigen::Map<const Eigen::Array<S, Eigen::Dynamic, 1>>;

  Buffered() = default;
  Buffered(const Buffered&) = default;
  Buffered& operator=(const Buffered&) = default;
  Buffered(Buffered&& other) noexcept { *this = std::move(other); }
  Buffered& operator=(Buffered&& other) noexcept {
    storage_ = std::move(other.storage_);
    size_ = std::exchange(other.size_, 0);
    other.storage_.resize(0);
    return *this;
  }

  void resize(Index size) {
    if (size > storage_.size()) storage_.resize(size);
    size_ = size;
  }
  /// Takes the memory for so many, and changes nothing.
  void reserve(Index size) {
    if (size > storage_.size()) storage_.conservativeResize(size);
  }
  S* data() { return storage_.data(); }
  View view() const { return {storage_.data(), size_}; }

 private:
  Parameters<S, Size> storage_;
  Index size_ = 0;
};

/// gamma and beta with their gradients: what a layer learns. Either may be absent.
template <typename P, int Size>
class AffineParameters {
 public:
  /// gamma is kept as its distance from `gamma_offset`, and is 1 to begin with.
  AffineParameters(Index size, bool has_gamma, bool has_beta, const P& gamma_offset = P(0))
      : size_(size),
        gamma_size_(has_gamma ? size : 0),
        beta_size_(has_beta ? size : 0),
        gamma_offset_(gamma_offset) {
    gamma_.setConstant(gamma_size_, P(1) - gamma_offset);
    beta_.setConstant(beta_size_, P(0));
    gamma_grad_.setConstant(gamma_.size(), P(0));
    beta_grad_.setConstant(beta_.size(), P(0));
  }

  Parameters<P, Size>& gamma() { return gamma_; }
  Parameters<P, Size>& beta() { return beta_; }
  Parameters<P, Size>& gamma_grad() { return gamma_grad_; }
  Parameters<P, Size>& beta_grad() { return beta_grad_; }
  const Parameters<P, Size>& gamma() const { return gamma_; }
  const Parameters<P, Size>& beta() const { return beta_; }
  const Parameters<P, Size>& gamma_grad() const { return gamma_grad_; }
  const Parameters<P, Size>& beta_grad() const { return beta_grad_; }

  /// Number of channels or features, whether they have gamma and beta or not.
  Index size() const { return size_; }
  bool any() const { return gamma_size_ > 0 || beta_size_ > 0; }

  /// False where the caller has assigned an array of another size, or has moved the layer away.
  bool is_consistent() const {
    return gamma_.size() == gamma_size_ && gamma_grad_.size() == gamma_size_ &&
           beta_.size() == beta_size_ && beta_grad_.size() == beta_size_;
  }

  void zero_grad() {
    gamma_grad_.setZero();
    beta_grad_.setZero();
  }

  /// Adds dgamma and dbeta where the layer has them.
  template <typename S>
  void accumulate(const S* dgamma, const S* dbeta) {
    add(dgamma, gamma_grad_);
    add(dbeta, beta_grad_);
  }

  /// f(name, value, gradient) by PyTorch's state-dict names.
  template <typename F>
  void for_each(F&& f) {
    visit(*this, f);
  }
  template <typename F>
  void for_each(F&& f) const {
    visit(*this, f);
  }

  kernels::Affine<P> view() const {
    return {gamma_.size() > 0 ? gamma_.data() : nullptr, beta_.size() > 0 ? beta_.data() : nullptr,
            gamma_offset_};
  }

 private:
  template <typename Self, typename F>
  static void visit(Self& self, F& f) {
    if (self.gamma_.size() > 0) f(std::string_view("weight"), self.gamma_, self.gamma_grad_);
    if (self.beta_.size() > 0) f(std::string_view("bias"), self.beta_, self.beta_grad_);
  }

  template <typename S>
  static void add(const S* sums, Parameters<P, Size>& gradient) {
    for (Index i = 0; i < gradient.size(); ++i) {
      gradient[i] = static_cast<P>(S(gradient[i]) + sums[i]);
    }
  }

  Index size_, gamma_size_, beta_size_;
  P gamma_offset_;
  Parameters<P, Size> gamma_, beta_, gamma_grad_, beta_grad_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/kernels/moments.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Count, mean and sum of squared deviations of some values: all that a normalization needs to know
/// of them, and mergeable.
///
///     m2 = sum_i (x_i - mean)^2
template <typename Stat>
struct Moments {
  Index count = 0;
  Stat mean = Stat(0);
  Stat m2 = Stat(0);

  /// Welford's update (Technometrics 4, 1962): one more value.
  void add(const Stat& x) {
    ++count;
    const Stat delta = x - mean;
    mean += delta / Stat(static_cast<double>(count));
    m2 += delta * (x - mean);
  }

  /// The moments of both sets of values together (Chan, Golub, LeVeque 1979).
  void merge(const Moments& other) {
    if (other.count == 0) return;
    if (count == 0) {
      *this = other;
      return;
    }
    const double total = static_cast<double>(count + other.count);
    const double share = static_cast<double>(other.count) / total;
    const Stat delta = other.mean - mean;
    mean += delta * Stat(share);
    m2 += other.m2 + delta * delta * Stat(static_cast<double>(count) * share);
    count += other.count;
  }

  /// Divided by count: the one to normalise with. Rounding may leave m2 a little below zero.
  Stat biased_variance() const {
    return m2 < Stat(0) ? Stat(0) : Stat(m2 / Stat(static_cast<double>(count)));
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/core/batch_statistics.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

inline void check_channels(const char* expected, Index channels, Index size) {
  if (size == channels) return;
  memory::raise_invalid(std::string(expected) + " of " + std::to_string(channels) +
                        " channels, got " + std::to_string(size));
}

/// Count, mean and sum of squared deviations of the values of each channel: all that BatchNorm
/// needs to know of a batch. Those of parts, merged in any grouping, are those of the whole:
///
///     m2 = sum_i (x_i - mean)^2
template <typename S, int Size = Eigen::Dynamic>
struct BatchStatistics {
  Index count = 0;  ///< values per channel
  Parameters<S, Size> mean, m2;

  /// Takes in the statistics of another part (Chan, Golub, LeVeque 1979). Throws
  /// std::invalid_argument for another number of channels.
  void merge(const BatchStatistics& other) {
    if (other.mean.size() == 0 && other.m2.size() == 0) return;
    const bool is_new = mean.size() == 0 && m2.size() == 0;
    const Index channels = is_new ? other.mean.size() : mean.size();
    for (const Index size : {other.mean.size(), other.m2.size(), is_new ? channels : m2.size()}) {
      check_channels("BatchStatistics: expected statistics", channels, size);
    }
    if (count == 0 && (is_new || other.count > 0)) {
      *this = other;
      return;
    }
    if (other.count == 0) return;
    for (Index c = 0; c < mean.size(); ++c) {
      kernels::Moments<S> both{count, mean[c], m2[c]};
      both.merge({other.count, other.mean[c], other.m2[c]});
      mean[c] = both.mean;
      m2[c] = both.m2;
    }
    count += other.count;
  }

  /// Divided by count: what BatchNorm normalises with.
  Parameters<S, Size> var() const { return m2 / S(static_cast<double>(count)); }
  /// Divided by count - 1.
  Parameters<S, Size> unbiased_var() const { return m2 / S(static_cast<double>(count - 1)); }
};

/// The sums behind the gradients of gamma and beta, by channel. Those of parts add up to those of
/// the whole:
///
///     dgamma = sum(dy * xhat),   dbeta = sum(dy)
template <typename S, int Size = Eigen::Dynamic>
struct BatchGradients {
  Parameters<S, Size> dgamma, dbeta;

  /// Takes in those of another part. Throws std::invalid_argument for another number of channels.
  void merge(const BatchGradients& other) {
    if (other.dgamma.size() == 0 && other.dbeta.size() == 0) return;
    const bool is_new = dgamma.size() == 0 && dbeta.size() == 0;
    const Index channels = is_new ? other.dgamma.size() : dgamma.size();
    for (const Index size :
         {other.dgamma.size(), other.dbeta.size(), is_new ? channels : dbeta.size()}) {
      check_channels("BatchGradients: expected gradients", channels, size);
    }
    if (is_new) {
      *this = other;
      return;
    }
    dgamma += other.dgamma;
    dbeta += other.dbeta;
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/core/checks.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// For messages: "1e-09".
inline std::string number_text(double number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", number);
  return text;
}

/// eps is added to a variance: not negative, not NaN, not infinite.
inline void check_eps(const std::string& layer, double eps) {
  if (!(eps >= 0 && eps <= std::numeric_limits<double>::max())) {
    memory::raise_invalid(layer + ": expected eps >= 0 and finite, got " + number_text(eps));
  }
}

/// A number of channels or features: at least 1, and the one fixed at compile time where it is.
template <int Fixed>
void check_size(const std::string& layer, const char* what, Index size) {
  if (size < 1) {
    memory::raise_invalid(layer + ": expected " + what + " of at least 1, got " +
                          std::to_string(size));
  }
  if (Fixed != Eigen::Dynamic && size != Fixed) {
    memory::raise_invalid(layer + ": expected " + what + " " + std::to_string(Fixed) +
                          ", fixed at compile time, got " + std::to_string(size));
  }
}

/// For error messages: what to do where a column vector was meant as one sample.
inline std::string transpose_hint(const memory::Shape& shape, Index features) {
  if (shape.rank() != 2 || shape[1] != 1 || shape[0] != features) return "";
  return "; a column vector is " + std::to_string(features) +
         " samples of one feature, use .transpose() for one sample";
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/memory/buffer.hpp

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

/// Elements in memory and how a tensor lies in them.
template <typename Scalar>
struct Buffer {
  Scalar* data = nullptr;
  Layout layout = {};
};

template <typename A, typename B>
bool is_same_place(const Buffer<A>& a, const Buffer<B>& b) {
  return static_cast<const void*>(a.data) == static_cast<const void*>(b.data) &&
         a.layout.shape == b.layout.shape &&
         (a.layout.leading == b.layout.leading || a.layout.span() == b.layout.span());
}

/// True where two buffers have an element in common. Blocks of one matrix may interleave without
/// touching: where the strides are equal, their places within a stride are compared.
template <typename A, typename B>
bool share_elements(const Buffer<A>& a, const Buffer<B>& b) {
  const auto size = static_cast<Index>(sizeof(A));
  const auto begin_a = reinterpret_cast<std::intptr_t>(a.data);
  const auto begin_b = reinterpret_cast<std::intptr_t>(b.data);
  const auto end_a = begin_a + static_cast<std::intptr_t>(a.layout.span() * size);
  const auto end_b = begin_b + static_cast<std::intptr_t>(b.layout.span() * size);
  if (begin_a >= end_b || begin_b >= end_a || begin_a == end_a || begin_b == end_b) return false;

  const Index stride = a.layout.leading;
  const Index distance = static_cast<Index>(begin_b - begin_a);
  const bool comparable = a.layout.shape.rank() == 2 && b.layout.shape.rank() == 2 &&
                          stride == b.layout.leading && stride > 0 && distance % size == 0;
  if (!comparable) return true;
  const int fast = a.layout.row_major ? 1 : 0;
  const Index place = ((distance / size) % stride + stride) % stride;  // of b's lines in a's
  return place < a.layout.shape[fast] || place + b.layout.shape[fast] > stride;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory

// === eigen_norm/memory/eigen_object.hpp

/// What the library needs to know of an Eigen type: rank, storage order, whether its elements lie
/// in memory as they are, and the owning types of the same kind. One `EigenObject<X>` for the dense
/// family (Matrix, Array, Map, Ref, Block and expressions), one for tensors and their expressions.

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

template <typename X>
using Bare = std::remove_cv_t<std::remove_reference_t<X>>;

template <typename D, int Access>
std::true_type is_tensor_test(const Eigen::TensorBase<D, Access>*);
std::false_type is_tensor_test(const void*);

template <typename X>
inline constexpr bool is_tensor = decltype(is_tensor_test(std::declval<Bare<X>*>()))::value;

template <typename D>
std::true_type is_dense_test(const Eigen::DenseBase<D>*);
std::false_type is_dense_test(const void*);

template <typename X>
inline constexpr bool is_dense = decltype(is_dense_test(std::declval<Bare<X>*>()))::value;

template <typename D>
std::true_type is_owner_test(const Eigen::PlainObjectBase<D>*);
std::false_type is_owner_test(const void*);

/// Expressions with direct access to memory have data(); Eigen's flag alone is true of some that
/// have not.
template <typename X, typename = void>
inline constexpr bool has_data = false;
template <typename X>
inline constexpr bool has_data<X, std::void_t<decltype(std::declval<const X&>().data())>> = true;

enum class Storage { none, map, owner };

/// Where a tensor's elements are: nowhere (an expression), elsewhere or fixed (a map), its own.
template <typename X>
inline constexpr Storage tensor_storage = Storage::none;
template <typename S, int Rank, int Options, typename I>
inline constexpr Storage tensor_storage<Eigen::Tensor<S, Rank, Options, I>> = Storage::owner;
template <typename S, typename Sizes, int Options, typename I>
inline constexpr Storage tensor_storage<Eigen::TensorFixedSize<S, Sizes, Options, I>> =
    Storage::map;
template <typename Plain, int Options, template <class> class Pointer>
inline constexpr Storage tensor_storage<Eigen::TensorMap<Plain, Options, Pointer>> = Storage::map;

template <typename X>
inline constexpr bool is_map_of_const = false;
template <typename Plain, int Options, template <class> class Pointer>
inline constexpr bool is_map_of_const<Eigen::TensorMap<const Plain, Options, Pointer>> = true;

/// Whether a copy with these limits lives on the stack: where it is small, and in the one order
/// that Eigen allows a vector.
template <typename Scalar, bool RowMajor, int MaxRows, int MaxCols>
constexpr bool is_kept_on_stack() {
  if (MaxRows == Eigen::Dynamic || MaxCols == Eigen::Dynamic) return false;
  const bool vector_of_other_order =
      RowMajor ? MaxCols == 1 && MaxRows != 1 : MaxRows == 1 && MaxCols != 1;
  return !vector_of_other_order &&
         Index{sizeof(Scalar)} * MaxRows * MaxCols <= EIGEN_STACK_ALLOCATION_LIMIT;
}

/// A matrix that holds a copy of a dense object of such sizes.
template <typename Scalar, bool RowMajor, int MaxRows, int MaxCols, int Rows, int Cols,
          bool OnStack = is_kept_on_stack<Scalar, RowMajor, MaxRows, MaxCols>()>
struct DenseCopyOf {
  using type = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic,
                             RowMajor ? Eigen::RowMajor : Eigen::ColMajor>;
};
template <typename Scalar, bool RowMajor, int MaxRows, int MaxCols, int Rows, int Cols>
struct DenseCopyOf<Scalar, RowMajor, MaxRows, MaxCols, Rows, Cols, true> {
  using type = Eigen::Matrix<Scalar, Rows, Cols, RowMajor ? Eigen::RowMajor : Eigen::ColMajor,
                             MaxRows, MaxCols>;
};
template <typename Scalar, bool RowMajor, int MaxRows, int MaxCols, int Rows, int Cols>
using DenseCopy = typename DenseCopyOf<Scalar, RowMajor, MaxRows, MaxCols, Rows, Cols>::type;

template <typename X, bool Tensor = is_tensor<X>>
struct EigenObject {
  static_assert(is_dense<X>,
                "eigen_norm: pass an Eigen tensor, matrix or array, or a map, block or ref of one");

  using Type = Bare<X>;
  using Scalar = std::remove_const_t<typename Type::Scalar>;
  using Plain = typename Type::PlainObject;
  template <bool RowMajor>
  using Copy = DenseCopy<Scalar, RowMajor, Type::MaxRowsAtCompileTime, Type::MaxColsAtCompileTime,
                         Type::RowsAtCompileTime, Type::ColsAtCompileTime>;

  static constexpr int rank = 2;
  static constexpr bool row_major = Type::IsRowMajor;
  static constexpr bool has_memory = (Type::Flags & Eigen::DirectAccessBit) != 0 && has_data<Type>;
  static constexpr bool is_writable = has_memory && (Type::Flags & Eigen::LvalueBit) != 0;
  static constexpr bool is_owner = decltype(is_owner_test(std::declval<Type*>()))::value;

  static Shape shape(const Type& x) { return {x.rows(), x.cols()}; }
  static Layout layout(const Type& x) { return {shape(x), row_major, x.outerStride()}; }

  /// True where neighbours along the fast axis are neighbours in memory.
  static bool is_adjacent(const Type& x) { return x.innerStride() == 1 || x.innerSize() <= 1; }

  /// Whether `resize` can give it this shape.
  static bool can_become(const Shape& shape) {
    return is_owner && fits(Type::RowsAtCompileTime, Type::MaxRowsAtCompileTime, shape[0]) &&
           fits(Type::ColsAtCompileTime, Type::MaxColsAtCompileTime, shape[1]);
  }
  static void resize(Type& x, const Shape& shape) { x.resize(shape[0], shape[1]); }

  template <bool RowMajor>
  static Copy<RowMajor> copy(const Type& x) {
    return Copy<RowMajor>(x);
  }

 private:
  static constexpr bool fits(int fixed, int most, Index n) {
    return (fixed == Eigen::Dynamic || fixed == n) && (most == Eigen::Dynamic || n <= most);
  }
};

template <typename X>
struct EigenObject<X, true> {
  using Type = Bare<X>;
  using Scalar = std::remove_const_t<typename Type::Scalar>;

  static constexpr int rank = Type::NumDimensions;
  static constexpr bool row_major =
      static_cast<int>(Eigen::TensorEvaluator<const Type, Eigen::DefaultDevice>::Layout) ==
      static_cast<int>(Eigen::RowMajor);
  static constexpr bool has_memory = tensor_storage<Type> != Storage::none;
  static constexpr bool is_writable =
      has_memory && !is_map_of_const<Type> && !std::is_const_v<typename Type::Scalar>;
  static constexpr bool is_owner = tensor_storage<Type> == Storage::owner;

  template <bool RowMajor>
  using Copy = Eigen::Tensor<Scalar, rank, RowMajor ? Eigen::RowMajor : Eigen::ColMajor>;
  using Plain = Copy<row_major>;

  static Shape shape(const Type& x) {
    const Eigen::DSizes<Index, rank> sizes(x.dimensions());
    Shape result;
    for (const Index size : sizes) result.push_back(size);
    return result;
  }
  static Layout layout(const Type& x) { return Layout::packed(shape(x), row_major); }
  static bool is_adjacent(const Type&) { return true; }

  /// Its index type may be narrower than Index.
  static bool can_become(const Shape& shape) {
    constexpr auto most = static_cast<Index>(std::min<std::intmax_t>(
        std::numeric_limits<typename Type::Index>::max(), std::numeric_limits<Index>::max()));
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] > most) return false;
    }
    return is_owner && shape.is_countable() && shape.size() <= most;
  }
  static void resize(Type& x, const Shape& shape) {
    Eigen::array<typename Type::Index, static_cast<std::size_t>(rank)> sizes;
    for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
      sizes[axis] = static_cast<typename Type::Index>(shape[static_cast<int>(axis)]);
    }
    if constexpr (is_owner) x.resize(sizes);
  }

  template <bool RowMajor>
  static Copy<RowMajor> copy(const Type& x) {
    if constexpr (RowMajor == row_major) {
      return Copy<RowMajor>(x);
    } else {
      Eigen::array<int, static_cast<std::size_t>(rank)> reversed;
      for (int axis = 0; axis < rank; ++axis) {
        reversed[static_cast<std::size_t>(axis)] = rank - 1 - axis;
      }
      return Copy<RowMajor>(x.swap_layout().shuffle(reversed));
    }
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory

// === eigen_norm/memory/input.hpp

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

/// An input argument as memory in the given storage order. It is read where it lies; only what has
/// no memory of its own (an expression), has an inner stride or lies in the other order is
/// evaluated once into a copy.
template <typename X, bool RowMajor = EigenObject<X>::row_major>
class Input {
  using Object = EigenObject<X>;
  using Scalar = typename Object::Scalar;

 public:
  /// `packed`: a matrix with gaps between its lines is copied as well.
  explicit Input(const X& x, bool packed = false) {
    if constexpr (Object::has_memory && Object::row_major == RowMajor) {
      const Layout layout = Object::layout(x);
      if (Object::is_adjacent(x) && (!packed || layout.is_packed())) {
        buffer_ = {x.data(), layout};
        return;
      }
    }
    using Copied = EigenObject<decltype(copy_)>;
    copy_ = Object::template copy<RowMajor>(x);
    buffer_ = {copy_.data(), Layout::packed(Copied::shape(copy_), RowMajor)};
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  const Buffer<const Scalar>& buffer() const { return buffer_; }
  const Layout& layout() const { return buffer_.layout; }
  const Shape& shape() const { return buffer_.layout.shape; }

 private:
  typename Object::template Copy<RowMajor> copy_;
  Buffer<const Scalar> buffer_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory

// === eigen_norm/memory/collapsed_shape.hpp

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

/// The four inner loops of the library, told apart by what changes along adjacent elements.
enum class Loop {
  run,     ///< neither the statistic nor gamma and beta: BatchNorm2d, GroupNorm
  column,  ///< both: BatchNorm1d on (N, C), every channels-last layer
  row,     ///< gamma and beta alone: LayerNorm, GroupNorm on (N, C)
  lane     ///< the statistic alone: column-major LayerNorm and GroupNorm
};

/// A flat buffer seen as a normalization sees it: which elements share a statistic, which share a
/// gamma and a beta. Every layer, axis order and storage order is one of these.
///
///     element (r, o, c, i)  lies at  r * repeat_stride + o * outer_stride + c * channel_stride + i
///     gamma, beta           of channel c
///     statistic             of (r, c / group), over all o and i and the `group` channels
///
/// | layer                | input     | storage      | repeats | outer | channels | inner | group |
/// |----------------------|-----------|--------------|---------|-------|----------|-------|-------|
/// | BatchNorm            | (N, C, S) | row-major    | 1       | N     | C        | S     | 1     |
/// | BatchNorm            | (N, C, S) | column-major | 1       | S     | C        | N     | 1     |
/// | BatchNorm, C last    | (N, S, C) | row-major    | 1       | N*S   | C        | 1     | 1     |
/// | BatchNorm, C last    | (N, S, C) | column-major | 1       | 1     | C        | S*N   | 1     |
/// | LayerNorm            | (M, D)    | either       | M       | 1     | D        | 1     | D     |
/// | GroupNorm            | (N, C, S) | row-major    | N       | 1     | C        | S     | C / G |
/// | GroupNorm, otherwise |           |              | N       | S     | C        | 1     | C / G |
///
/// RMSNorm is as LayerNorm. InstanceNorm is GroupNorm with G = C, and, by running statistics,
/// BatchNorm. BatchNorm over parts of a batch repeats its view for each.
struct CollapsedShape {
  Index repeats = 1;
  Index outer = 1;
  Index channels = 1;
  Index inner = 1;
  Index repeat_stride = 0;
  Index outer_stride = 0;
  Index channel_stride = 0;
  Index group = 1;
  /// Column-major LayerNorm over several dimensions runs through them backwards: the normalized
  /// shape, and the leading one. Empty where the order in memory is the logical one.
  Shape reversed_channels = {};
  Shape reversed_repeats = {};

  Index groups() const { return channels / group; }
  Index statistics() const { return repeats * groups(); }
  Index statistic(Index repeat, Index group_index) const {
    return logical_index(reversed_repeats, repeat) * groups() + group_index;
  }
  Index values_per_statistic() const { return outer * group * inner; }
  Index size() const { return repeats * outer * channels * inner; }
  Index offset(Index repeat, Index channel, Index outer_index = 0) const {
    return repeat * repeat_stride + channel * channel_stride + outer_index * outer_stride;
  }

  /// Index into gamma and beta of the channel that comes `channel`-th in memory.
  Index affine_index(Index channel) const { return logical_index(reversed_channels, channel); }

  Loop loop() const {
    if (inner > 1) return Loop::run;
    if (channel_stride == 1 && reversed_channels.rank() == 0) {
      return outer == 1 && group > 1 ? Loop::row : Loop::column;
    }
    return repeats == 1 && group == 1 ? Loop::run : Loop::lane;
  }

  /// Several outer steps that follow each other without a gap are one longer run.
  bool is_one_run() const { return channels == 1 && outer_stride == inner; }
  void merge_runs() {
    inner *= outer;
    outer = 1;
  }

  static CollapsedShape over_batch(const Layout& layout, ChannelAxis axis);
  static CollapsedShape over_parts_of_batch(const Layout& layout, ChannelAxis axis, Index samples);
  static CollapsedShape over_samples(const Layout& layout, ChannelAxis axis, Index groups);
  static CollapsedShape over_trailing(const Layout& layout, int normalized_rank);

 private:
  /// Of dimensions stored first index fastest, the row-major index of the element at `place`.
  static Index logical_index(const Shape& reversed, Index place) {
    if (reversed.rank() == 0) return place;
    Index index = 0;
    for (int axis = 0; axis < reversed.rank(); ++axis) {
      index = index * reversed[axis] + place % reversed[axis];
      place /= reversed[axis];
    }
    return index;
  }
};

/// Samples, channels and positions of (N, C, S) or (N, S, C), each with its stride.
struct ChannelExtents {
  Index samples, channels, positions;
  Index sample_stride, channel_stride, position_stride;

  ChannelExtents(const Layout& layout, ChannelAxis axis) {
    const Shape& shape = layout.shape;
    const int rank = shape.rank();
    const bool last = axis == ChannelAxis::last;
    samples = shape[0];
    channels = shape[last ? rank - 1 : 1];
    positions = last ? shape.product(1, rank - 1) : shape.product(2, rank);
    if (layout.row_major) {
      sample_stride = layout.leading;
      channel_stride = last ? 1 : positions;
      position_stride = last ? channels : 1;
    } else {
      sample_stride = 1;
      channel_stride = rank == 2 ? layout.leading : last ? samples * positions : samples;
      position_stride = last ? samples : samples * channels;
    }
  }
};

/// One statistic per channel, over all samples and positions (BatchNorm).
inline CollapsedShape CollapsedShape::over_batch(const Layout& layout, ChannelAxis axis) {
  const ChannelExtents e(layout, axis);
  CollapsedShape view;
  view.channels = e.channels;
  view.channel_stride = e.channel_stride;
  if (layout.row_major && axis == ChannelAxis::first) {
    view.outer = e.samples;
    view.outer_stride = e.sample_stride;
    view.inner = e.positions;
  } else if (layout.row_major) {
    view.outer = e.samples * e.positions;
    view.outer_stride = e.positions == 1 ? e.sample_stride : e.position_stride;
  } else if (axis == ChannelAxis::first) {
    view.outer = e.positions;
    view.outer_stride = e.position_stride;
    view.inner = e.samples;
  } else {
    view.inner = e.samples * e.positions;
  }
  return view;
}

/// One statistic per channel and part of the batch, of so many samples each (ghost batches).
inline CollapsedShape CollapsedShape::over_parts_of_batch(const Layout& layout, ChannelAxis axis,
                                                          Index samples) {
  const ChannelExtents e(layout, axis);
  CollapsedShape view = over_batch(layout, axis);
  view.repeats = e.samples / samples;
  view.repeat_stride = samples * e.sample_stride;
  if (layout.row_major) {
    view.outer /= view.repeats;
  } else {
    view.outer = e.positions;
    view.outer_stride = e.position_stride;
    view.inner = samples;
  }
  return view;
}

/// One statistic per sample and group of channels (GroupNorm; InstanceNorm: groups = channels).
inline CollapsedShape CollapsedShape::over_samples(const Layout& layout, ChannelAxis axis,
                                                   Index groups) {
  const ChannelExtents e(layout, axis);
  CollapsedShape view;
  view.repeats = e.samples;
  view.repeat_stride = e.sample_stride;
  view.channels = e.channels;
  view.channel_stride = e.channel_stride;
  view.group = e.channels / groups;
  if (e.position_stride == 1) {
    view.inner = e.positions;
  } else {
    view.outer = e.positions;
    view.outer_stride = e.position_stride;
  }
  return view;
}

/// One statistic per row, over the last `normalized_rank` dimensions, each element of which has its
/// own gamma and beta (LayerNorm). A matrix with gaps is one only for `normalized_rank` 1.
inline CollapsedShape CollapsedShape::over_trailing(const Layout& layout, int normalized_rank) {
  const Shape& shape = layout.shape;
  const int rank = shape.rank();
  const Index slow = normalized_rank < rank ? layout.leading : 0;
  CollapsedShape view;
  view.repeats = shape.product(0, rank - normalized_rank);
  view.channels = shape.product(rank - normalized_rank, rank);
  view.group = view.channels;
  if (layout.row_major) {
    view.repeat_stride = rank == 2 ? slow : view.channels;
    view.channel_stride = 1;
  } else {
    view.repeat_stride = 1;
    view.channel_stride = rank == 2 && normalized_rank == 1 ? slow : view.repeats;
    const int leading_rank = rank - normalized_rank;
    if (leading_rank > 1) view.reversed_repeats = shape.part(0, leading_rank);
    if (normalized_rank > 1) view.reversed_channels = shape.part(leading_rank, rank);
  }
  return view;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory

// === eigen_norm/memory/operand.hpp

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

/// A buffer with its own strides: x, y, dy or dx of one call.
template <typename Scalar>
struct Operand {
  Scalar* data;
  CollapsedShape shape;

  Scalar* at(Index repeat, Index channel, Index outer = 0) const {
    return data + shape.offset(repeat, channel, outer);
  }

  /// Some of its repeats, in the order of memory.
  Operand repeats(Index begin, Index end) const {
    Operand some{data + begin * shape.repeat_stride, shape};
    some.shape.repeats = end - begin;
    some.shape.reversed_repeats = {};
    return some;
  }
  Operand repeat(Index r) const { return repeats(r, r + 1); }

  /// Of its only repeat, the positions o * inner + i from `begin` to `end`, of one o where there is
  /// an i.
  Operand positions(Index begin, Index end) const {
    const Index o = begin / shape.inner;
    Operand some{data + o * shape.outer_stride + begin % shape.inner, shape};
    (shape.inner > 1 ? some.shape.inner : some.shape.outer) = end - begin;
    if (shape.inner > 1) some.shape.outer = 1;
    return some;
  }

  /// Some of its channels, which share one statistic.
  Operand channels(Index begin, Index end) const {
    Operand some{data + begin * shape.channel_stride, shape};
    some.shape.channels = some.shape.group = end - begin;
    return some;
  }
};

/// The loop that suits every operand of a call. They have the same extents, but where one of them
/// is a block with gaps, its channels may not be adjacent; `run` and `lane` ask for nothing there.
template <typename First, typename... Rest>
Loop common_loop(const Operand<First>& first, const Operand<Rest>&... rest) {
  const CollapsedShape* decisive = &first.shape;
  for (const CollapsedShape* shape : {&rest.shape...}) {
    if (shape->channel_stride != 1) decisive = shape;
  }
  return decisive->loop();
}

/// Makes one long run of each operand where all of them allow it.
template <typename... Scalars>
void merge_runs(Operand<Scalars>&... operands) {
  if ((operands.shape.is_one_run() && ...)) (operands.shape.merge_runs(), ...);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory

// === eigen_norm/memory/output.hpp

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

/// An output argument as memory in the given storage order: first asked whether it will do, then
/// opened, written and closed. An owning object takes the shape of the result; a view must have it
/// already.
template <typename Y, bool RowMajor = EigenObject<Y>::row_major>
class Output {
  using Object = EigenObject<Y>;
  using Scalar = typename Object::Scalar;
  static_assert(Object::is_writable && !std::is_const_v<std::remove_reference_t<Y>>,
                "eigen_norm: the output must be writable memory: a tensor, matrix or array, or a "
                "map, block or ref of one that is not const");

 public:
  explicit Output(Bare<Y>& y) : y_(y) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  Shape shape() const { return Object::shape(y_); }
  bool fits(const Shape& shape) const {
    return this->shape() == shape || Object::can_become(shape);
  }
  bool is_adjacent() const { return Object::is_adjacent(y_); }

  /// Whether writing the result leaves this input readable: it is elsewhere, or it is exactly the
  /// output, element for element.
  template <typename X>
  bool is_safe_beside(const Buffer<const X>& input) const {
    const Buffer<Scalar> now{y_.data(), Object::layout(y_)};
    return is_same_place(now, input) || !share_elements(now, input);
  }

  /// `packed`: a view with gaps between its lines is written through a copy, as is one that lies in
  /// the other order.
  Buffer<Scalar> open(const Shape& shape, bool packed) {
    if (this->shape() != shape) Object::resize(y_, shape);
    const Layout layout = Object::layout(y_);
    if (Object::row_major == RowMajor && (!packed || layout.is_packed())) {
      return {y_.data(), layout};
    }
    copy_ = Object::template copy<RowMajor>(y_);
    is_copied_ = true;
    return {copy_.data(), Layout::packed(shape, RowMajor)};
  }

  void close() {
    if (shape().size() == 0) return;  // Eigen would copy from a null pointer
    if constexpr (is_dense<Y>) {
      if (is_copied_) y_ = copy_;
    } else if constexpr (Object::row_major != RowMajor) {
      y_ = EigenObject<Copy>::template copy<Object::row_major>(copy_);
    }
  }

 private:
  using Copy = typename Object::template Copy<RowMajor>;

  Bare<Y>& y_;
  Copy copy_;
  bool is_copied_ = false;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory

// === eigen_norm/core/calls.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// How a layer takes the Eigen objects of a call: asks whether they will do, before anything is
/// changed, and hands their memory to the one who computes. A layer says of itself:
///
///     std::string name() const              for error messages
///     check_rank<Rank>()                    static_assert
///     wants_packed()                        true where gaps between lines are in the way
template <typename Derived, typename Scalar>
class Calls {
 protected:
  using ConstBuffer = memory::Buffer<const Scalar>;
  using MutableBuffer = memory::Buffer<Scalar>;

  /// What goes before the output is touched, by default.
  struct Nothing {
    template <typename... Buffers>
    void operator()(const Buffers&...) const {}
  };

  /// compute(x, y) on the memory of x and of y, both in the given order, after check(shape of x); y
  /// has that shape then. prepare(x) goes before y is touched, when all else is in order.
  template <bool RowMajor, typename X, typename Y, typename Check, typename Compute,
            typename Prepare = Nothing>
  void transform(const X& x, Y& y, const Check& check, const Compute& compute,
                 const Prepare& prepare = {}) const {
    check_types<X, Y>();
    check_countable("input", x);
    const bool packed = self().wants_packed();
    const memory::Input<X, RowMajor> in(x, packed);
    check(in.shape());
    memory::Output<Y, RowMajor> out(y);
    check_output(out, "output", in.shape(), in.buffer());
    prepare(in.buffer());
    const MutableBuffer result = out.open(in.shape(), packed);
    compute(in.buffer(), result);
    out.close();
  }

  /// compute(x) on the memory of x.
  template <typename X, typename Check, typename Compute>
  void read(const X& x, const Check& check, const Compute& compute) const {
    check_types<X, X>();
    check_countable("input", x);
    const memory::Input<X> in(x, self().wants_packed());
    check(in.shape());
    compute(in.buffer());
  }

  /// compute(x, dy) on the memory of both.
  template <bool RowMajor, typename X, typename Dy, typename Check, typename Compute>
  void read_gradient(const X& x, const Dy& dy, const Check& check, const Compute& compute) const {
    check_types<X, Dy, false>();
    check_countable("input", x);
    check_countable("dy", dy);
    const bool packed = self().wants_packed();
    const memory::Input<X, RowMajor> in(x, packed);
    const memory::Input<Dy, RowMajor> gradient(dy, packed);
    check(in.shape());
    check_shape("dy", in.shape(), gradient.shape());
    compute(in.buffer(), gradient.buffer());
  }

  /// compute(x, dy, dx) on the memory of all three, prepare(x, dy) before dx is touched.
  template <bool RowMajor, typename X, typename Dy, typename Dx, typename Check, typename Compute,
            typename Prepare = Nothing>
  void differentiate(const X& x, const Dy& dy, Dx& dx, const Check& check, const Compute& compute,
                     const Prepare& prepare = {}) const {
    check_types<X, Dx>();
    read_gradient<RowMajor>(x, dy, check, [&](const ConstBuffer& in, const ConstBuffer& gradient) {
      memory::Output<Dx, RowMajor> out(dx);
      check_output(out, "dx", in.layout.shape, in);
      check_output(out, "dx", in.layout.shape, gradient);
      prepare(in, gradient);
      const MutableBuffer result = out.open(in.layout.shape, self().wants_packed());
      compute(in, gradient, result);
      out.close();
    });
  }

  [[noreturn]] void raise_shape(const std::string& what, const std::string& expected,
                                const memory::Shape& got, const std::string& hint = "") const {
    memory::raise_invalid(self().name() + ": expected " + what + " " + expected + ", got " +
                          got.text() + hint);
  }

  void check_shape(const char* what, const memory::Shape& expected,
                   const memory::Shape& got) const {
    if (got != expected) raise_shape(what, expected.text(), got);
  }

 private:
  const Derived& self() const { return static_cast<const Derived&>(*this); }

  template <typename X, typename Y, bool SameOrder = true>
  static void check_types() {
    using From = memory::EigenObject<X>;
    using To = memory::EigenObject<Y>;
    static_assert(std::is_same_v<typename From::Scalar, Scalar>,
                  "eigen_norm: the input's scalar must be the layer's");
    static_assert(std::is_same_v<typename To::Scalar, Scalar>,
                  "eigen_norm: the scalar of the output and of gradients must be the layer's");
    static_assert(From::rank == To::rank,
                  "eigen_norm: the output and gradients must have the input's rank");
    static_assert(!SameOrder || From::row_major == To::row_major,
                  "eigen_norm: the output must have the input's storage order: both RowMajor or "
                  "both ColMajor");
    Derived::template check_rank<From::rank>();
  }

  /// Of what lies in memory; the value of an expression is made by Eigen.
  template <typename X>
  void check_countable(const char* what, const X& x) const {
    if constexpr (memory::EigenObject<X>::has_memory) {
      const memory::Shape shape = memory::EigenObject<X>::shape(x);
      if (!shape.is_countable()) raise_shape(what, "of a size within Index", shape);
    }
  }

  template <typename Out, typename In>
  void check_output(const Out& out, const char* what, const memory::Shape& shape,
                    const In& input) const {
    if (!out.fits(shape)) raise_shape(what, shape.text(), out.shape());
    if (!out.is_adjacent()) {
      memory::raise_invalid(self().name() + ": expected " + what +
                            " with adjacent elements, got a view with an inner stride");
    }
    if (!out.is_safe_beside(input)) {
      memory::raise_invalid(self().name() + ": expected " + what +
                            " that is exactly an input or apart from it, got a partial overlap");
    }
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/kernels/simd_vector.hpp

/// The vectors of the compiler, where it has them: their arithmetic is an instruction each, at
/// every level of optimisation. Eigen's fixed-size arrays are as good at -O3, but several times
/// slower below, where their calls are not inlined.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

#if defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 9 && !defined(__INTEL_COMPILER))
inline constexpr bool has_vectors = true;
template <typename Scalar, int Lanes>
struct Vector {
  typedef Scalar type __attribute__((vector_size(Lanes * sizeof(Scalar))));
};
/// to = from, lane by lane.
template <typename From, typename To>
void convert_vector(const From& from, To& to) {
  to = __builtin_convertvector(from, To);
}
#else
inline constexpr bool has_vectors = false;
template <typename Scalar, int Lanes>
struct Vector;
template <typename From, typename To>
void convert_vector(const From& from, To& to);
#endif
template <typename Scalar>
struct Vector<Scalar, 1> {
  using type = Scalar;
};

/// As many adjacent scalars as one vector register holds; 1 for types without vector arithmetic.
template <typename Scalar>
inline constexpr int pack_size = 1;
template <>
inline constexpr int pack_size<float> = has_vectors && (EIGEN_MAX_STATIC_ALIGN_BYTES) >= 16
                                            ? (EIGEN_MAX_STATIC_ALIGN_BYTES) / 4
                                            : 1;
template <>
inline constexpr int pack_size<double> = has_vectors && (EIGEN_MAX_STATIC_ALIGN_BYTES) >= 16
                                             ? (EIGEN_MAX_STATIC_ALIGN_BYTES) / 8
                                             : 1;

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/simd_half.hpp

#if defined(__SSE2__)
#include <immintrin.h>
#endif

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

// === eigen_norm/kernels/pack.hpp

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

// === eigen_norm/kernels/xhat.hpp

/// Where a backward pass finds xhat: in the input of the forward pass, by its statistics, or in the
/// output, by its gamma and beta:
///
///     xhat = (x - mean) * inv_std          XhatOfInput
///     xhat = (y - beta) * (1 / gamma)      XhatOfOutput
///
/// Both answer the same questions, so that no loop knows which it is:
///
///     statistic(s)          what Standardise and Backward are made of; of an output, those of xhat
///     of_channel(b, c)      the same coefficients for values of channel c as they lie in memory,
///                           where coefficients are by channel: run and column loop
///     row(data, c)          values to load, in whose line channel c is followed by the others; row
///                           loop
///     line(data, c)         values to load, all of channel c; lane loop

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

struct XhatOfInput {
  static constexpr bool of_input = true;

  template <typename S>
  Statistic<S> statistic(const Statistic<S>& s) const {
    return s;
  }
  template <typename Coefficients>
  const Coefficients& of_channel(const Coefficients& b, Index) const {
    return b;
  }
  template <typename Scalar>
  const Scalar* row(const Scalar* x, Index) const {
    return x;
  }
  template <typename Scalar>
  const Scalar* line(const Scalar* x, Index) const {
    return x;
  }
};

/// Values of y from which xhat is loaded: with a beta and 1 / gamma for each or, where
/// `Coefficient` is a number, for all.
template <typename Scalar, typename Coefficient>
struct OutputValues {
  const Scalar* y;
  Coefficient beta, inv_gamma;

  OutputValues operator+(Index n) const {
    if constexpr (std::is_pointer_v<Coefficient>) {
      return {y + n, beta + n, inv_gamma + n};
    } else {
      return {y + n, beta, inv_gamma};
    }
  }
};

template <typename Compute, int Lanes, typename Scalar, typename P>
Pack<Compute, Lanes> load(const OutputValues<Scalar, const P*>& values) {
  return (load<Compute, Lanes>(values.y) - load<Compute, Lanes>(values.beta)) *
         load<Compute, Lanes>(values.inv_gamma);
}

template <typename Compute, int Lanes, typename Scalar, typename P>
Pack<Compute, Lanes> load(const OutputValues<Scalar, P>& values) {
  return (load<Compute, Lanes>(values.y) - static_cast<Compute>(values.beta)) *
         static_cast<Compute>(values.inv_gamma);
}

/// beta and 1 / gamma by channel, both always there.
template <typename P>
struct XhatOfOutput {
  static constexpr bool of_input = false;
  const P* beta;
  const P* inv_gamma;

  /// xhat as a value has mean 0 and inv_std 1.
  template <typename S>
  Statistic<S> statistic(const Statistic<S>&) const {
    return {S(0), S(1)};
  }
  Standardise<P> of_channel(Standardise<P> s, Index channel) const {
    s.centre = beta[channel];
    s.inv_std = inv_gamma[channel];
    return s;
  }
  Backward<P> of_channel(Backward<P> b, Index channel) const {
    b.centre = beta[channel];
    b.slope = b.slope * inv_gamma[channel];
    return b;
  }
  template <typename Scalar>
  OutputValues<Scalar, const P*> row(const Scalar* y, Index channel) const {
    return {y, beta + channel, inv_gamma + channel};
  }
  template <typename Scalar>
  OutputValues<Scalar, P> line(const Scalar* y, Index channel) const {
    return {y, beta[channel], inv_gamma[channel]};
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/core/affine_inverse.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

template <typename T, typename = void>
inline constexpr bool is_printable = false;
template <typename T>
inline constexpr bool is_printable<
    T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<const T&>())>> = true;

/// gamma and beta of a forward pass turned round, so that its result gives back what was
/// normalised:
///
///     xhat = (y - beta) * (1 / gamma)
///
/// y was rounded by up to eps / 2 * |y|, with eps that of the data, and so xhat is off by about
///
///     eps * (|xhat| + |beta / gamma|)
///
/// Where |beta / gamma| is beyond 1 / (16 * eps), beta's share alone can be 1 / 32 of a standard
/// deviation, and too little is left to learn from: such a gamma cannot be inverted. Nor can one
/// below the smallest normal number of the data, where y has lost digits to being small.
template <typename Scalar, int Size>
class AffineInverse {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;

 public:
  /// The smallest |gamma| that can be inverted beside such a beta.
  static P least_gamma(const P& beta) {
    const P beside_beta = P(16 * epsilon()) * magnitude(beta), normal = smallest_normal();
    return beside_beta > normal ? beside_beta : normal;
  }

  /// Takes gamma and beta of `size` channels. Returns the first that cannot be inverted, or `size`.
  Index take(const kernels::Affine<P>& affine, Index size) {
    size_ = size;
    values_.resize(2 * size);
    for (Index c = 0; c < size; ++c) {
      const P gamma = affine.gamma_at(c), beta = affine.beta_at(c);
      if (magnitude(gamma) < least_gamma(beta)) return c;
      values_.data()[c] = beta;
      values_.data()[size + c] = P(1) / gamma;
    }
    return size;
  }

  /// Why that of one channel cannot be inverted.
  static std::string refusal(const kernels::Affine<P>& affine, Index channel) {
    std::ostringstream text;
    const P beta = affine.beta_at(channel);
    text << "expected a gamma of at least " << number(least_gamma(beta))
         << " in size to recover xhat from y beside beta " << number(beta) << ", got "
         << number(affine.gamma_at(channel));
    return text.str();
  }

  /// What y was scaled by.
  struct Scale {
    Index channel;
    P gamma;
    S inv_std;
  };

  /// A channel's gamma * inv_std that is no normal number of P: y = x * gamma * inv_std + shift has
  /// lost digits to being small, or is beyond P. `inv_std` are those of repeats of channels /
  /// `group` groups each; one of 0 loses nothing, for there all xhat are 0.
  template <typename Statistics>
  static std::optional<Scale> unusable(const kernels::Affine<P>& affine, Index channels,
                                       Index group, const Statistics& inv_std) {
    const Index groups = channels / group;
    for (Index g = 0; g < groups; ++g) {
      S least(0), most(0);
      for (Index i = g; i < inv_std.size(); i += groups) {
        const S& value = inv_std[i];
        if (!(value > S(0))) continue;
        if (least == S(0) || value < least) least = value;
        if (value > most) most = value;
      }
      for (Index c = g * group; c < (g + 1) * group; ++c) {
        const P gamma = affine.gamma_at(c);
        const S size = S(magnitude(gamma));
        if (least > S(0) && size * least < S(smallest_of_parameters())) return {{c, gamma, least}};
        if (size * most > S(largest_of_parameters())) return {{c, gamma, most}};
      }
    }
    return std::nullopt;
  }
  static std::string refusal(const Scale& scale) {
    std::ostringstream text;
    text << "expected a gamma * inv_std that is a normal number, to recover xhat from y, got gamma "
         << number(scale.gamma) << " and inv_std " << number(scale.inv_std);
    return text.str();
  }

  /// Takes them where a forward by these statistics can be turned round, and returns ""; or says
  /// why it cannot, naming the channel as `place`.
  template <typename Statistics>
  std::string take_or_refuse(const kernels::Affine<P>& affine, Index channels, Index group,
                             const Statistics& inv_std, const char* place) {
    const auto in = [place](Index channel) {
      return std::string(" in ") + place + " " + std::to_string(channel);
    };
    const Index refused = take(affine, channels);
    if (refused < channels) return refusal(affine, refused) + in(refused);
    const auto scale = unusable(affine, channels, group, inv_std);
    return scale ? refusal(*scale) + in(scale->channel) : std::string();
  }

  /// Of what was taken last.
  kernels::XhatOfOutput<P> xhat() { return {values_.data(), values_.data() + size_}; }

 private:
  /// Of Scalar; of double for a scalar that says nothing about itself.
  using Limits = std::conditional_t<std::numeric_limits<Scalar>::is_specialized,
                                    std::numeric_limits<Scalar>, std::numeric_limits<double>>;
  static double epsilon() { return std::ldexp(1.0, 1 - Limits::digits); }
  static P smallest_normal() { return static_cast<P>(Limits::min()); }
  using ParameterLimits = std::conditional_t<std::numeric_limits<P>::is_specialized,
                                             std::numeric_limits<P>, std::numeric_limits<double>>;
  static P smallest_of_parameters() { return P(ParameterLimits::min()); }
  static P largest_of_parameters() { return P(ParameterLimits::max()); }

  template <typename T>
  static auto number(const T& value) {
    if constexpr (is_printable<T>) {
      return value;
    } else {
      return "(no text for this scalar)";
    }
  }

  static P magnitude(const P& value) { return value < P(0) ? P(-value) : value; }

  Buffered<P, Size == Eigen::Dynamic ? Eigen::Dynamic : 2 * Size> values_;
  Index size_ = 0;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/core/last_forward.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// What backward needs of the last forward: its shape, its statistics and where they came from.
/// Never the activations: those stay with the caller.
template <typename S, int Size>
struct LastForward {
  bool exists = false;
  bool own_statistics = true;  ///< computed from x, as opposed to running ones
  bool masked = false;         ///< of a part of x's elements
  bool per_sample = false;     ///< scaled and shifted by sample
  bool synchronised = false;   ///< by the statistics of several machines
  memory::Shape shape = {};
  Buffered<S, Size> mean = {};     ///< by statistic
  Buffered<S, Size> inv_std = {};  ///< by statistic

  /// Whether there is something to answer: not before the first forward, nor after being moved
  /// away.
  bool is_answerable() const {
    return exists && (shape.size() == 0 || !is_kept() || inv_std.view().size() > 0);
  }

  void begin(const memory::Shape& of_x, bool own) {
    exists = true;
    own_statistics = own;
    masked = per_sample = synchronised = false;
    shape = of_x;
  }

  /// Room for the statistics; none where the layer has a fixed size and they are more than that.
  void resize(Index statistics) {
    kept_ = Size == Eigen::Dynamic || statistics <= Size;
    mean.resize(kept_ ? statistics : 0);
    inv_std.resize(kept_ ? statistics : 0);
  }
  void reserve(Index statistics) {
    mean.reserve(statistics);
    inv_std.reserve(statistics);
  }
  bool is_kept() const { return Size == Eigen::Dynamic || kept_; }

 private:
  bool kept_ = true;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/core/layer_state.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// What every layer holds: its mode, gamma and beta with their gradients, and what it remembers of
/// the last forward.
template <typename Scalar_, int Size>
class LayerState {
  static_assert(!Eigen::NumTraits<Scalar_>::IsInteger && !Eigen::NumTraits<Scalar_>::IsComplex,
                "eigen_norm: the scalar must be real and not an integer");

 public:
  using Scalar = Scalar_;
  using P = Param<Scalar>;
  using S = Stat<Scalar>;

  void train(bool on = true) { training_ = on; }
  void eval() { training_ = false; }
  bool is_training() const { return training_; }

  /// gamma and beta; empty where the options say that there is none.
  Parameters<P, Size>& gamma() { return affine_.gamma(); }
  Parameters<P, Size>& beta() { return affine_.beta(); }
  const Parameters<P, Size>& gamma() const { return affine_.gamma(); }
  const Parameters<P, Size>& beta() const { return affine_.beta(); }

  /// Their gradients: sums over all backward calls since zero_grad.
  Parameters<P, Size>& gamma_grad() { return affine_.gamma_grad(); }
  Parameters<P, Size>& beta_grad() { return affine_.beta_grad(); }
  const Parameters<P, Size>& gamma_grad() const { return affine_.gamma_grad(); }
  const Parameters<P, Size>& beta_grad() const { return affine_.beta_grad(); }
  void zero_grad() { affine_.zero_grad(); }

  /// f(std::string_view name, value, gradient) for each parameter there is: "weight", "bias".
  template <typename F>
  void for_each_parameter(F&& f) {
    affine_.for_each(f);
  }

  /// f(std::string_view name, value) for all that a saved model holds of the layer, by the names of
  /// PyTorch's state_dict: "weight", "bias", and of running statistics "running_mean",
  /// "running_var" and "num_batches_tracked", an Index; the others are arrays.
  template <typename F>
  void for_each_state(F&& f) {
    visit_state(affine_, f);
  }
  template <typename F>
  void for_each_state(F&& f) const {
    visit_state(affine_, f);
  }

  /// Mean and 1 / sqrt(var + eps) of the last forward: by channel for BatchNorm, by row for
  /// LayerNorm and RMSNorm, by sample and group for GroupNorm, by sample and channel for
  /// InstanceNorm; by channel after a forward by running statistics. RMSNorm's mean is 0 and its
  /// var the mean square. In Stat: double for float. A layer of fixed size has room for as many as
  /// it has channels or features; of more it keeps none, and backward takes them from x again.
  auto batch_mean() const { return last_.mean.view(); }
  auto batch_inv_std() const { return last_.inv_std.view(); }

 protected:
  LayerState(Index size, double eps, bool gamma, bool beta, const P& gamma_offset = P(0))
      : affine_(size, gamma, beta, gamma_offset), eps_(eps) {}
  ~LayerState() = default;
  LayerState(const LayerState&) = default;
  LayerState(LayerState&&) noexcept = default;
  LayerState& operator=(const LayerState&) = default;
  LayerState& operator=(LayerState&&) noexcept = default;

  LastForward<S, Size>& last() { return last_; }
  const LastForward<S, Size>& last() const { return last_; }
  AffineParameters<P, Size>& affine() { return affine_; }
  const AffineParameters<P, Size>& affine() const { return affine_; }
  AffineInverse<Scalar, Size>& inverse() { return inverse_; }
  double eps() const { return eps_; }

  /// Room for `count` times two numbers by channel: dgamma and dbeta in backward, a batch's
  /// mean and variance in forward.
  S* scratch(Index count = 1) {
    scratch_.resize(2 * affine_.size() * count);
    return scratch_.data();
  }

 private:
  template <typename Affine, typename F>
  static void visit_state(Affine& affine, F& f) {
    affine.for_each([&](std::string_view name, auto& value, auto&) { f(name, value); });
  }

  AffineParameters<P, Size> affine_;
  LastForward<S, Size> last_;
  Buffered<S, Size == Eigen::Dynamic ? Eigen::Dynamic : 6 * Size> scratch_;
  AffineInverse<Scalar, Size> inverse_;
  double eps_;
  bool training_ = true;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/kernels/finite.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Neither infinite nor NaN. Of float and double by the bits of the exponent: under -ffast-math the
/// compiler takes each number for finite, and leaves out comparisons that only others would need.
template <typename T>
bool is_finite(const T& value) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    using Bits = std::conditional_t<std::is_same_v<T, float>, std::uint32_t, std::uint64_t>;
    constexpr int mantissa = std::numeric_limits<T>::digits - 1;
    constexpr Bits all = ~Bits(0), exponent = (all >> 1) & (all << mantissa);
    Bits bits;
    std::memcpy(&bits, &value, sizeof bits);
#if defined(__GNUC__) && defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
    __asm__("" : "+r"(bits));  // clang knows them for a number's otherwise
#endif
    return (bits & exponent) != exponent;
  } else {
    using std::abs;
    return abs(value) <= T(Eigen::NumTraits<T>::highest());
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/deviations.hpp

/// How sums of float become moments of double precision: about a centre near the mean.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// False where squares left the range in which `Compute` holds them to full precision: beyond its
/// largest number, or, where that matters, near its smallest. Where nothing is wider they have to
/// do.
template <typename Compute, typename S>
bool is_trustworthy(const S& squares, Index n, bool tiny_matters) {
  if constexpr (std::is_same_v<Compute, S>) {
    return true;
  } else {
    using Limits = std::numeric_limits<Compute>;
    const S smallest = S(Limits::min()) / S(Limits::epsilon()) * S(static_cast<double>(n));
    return is_finite(squares) && squares <= S(Limits::max()) &&
           (!tiny_matters || squares >= smallest);
  }
}

/// Whether tiny squares matter beside eps: they do where it is not far above them.
inline bool tiny_matters(double eps) { return eps < 1e-20; }

/// Sums of deviations from a centre c, and of their squares:
///
///     r = sum_i (x_i - c),   q = sum_i (x_i - c)^2
///     mean = c + r / n,      m2 = q - r^2 / n
///
/// r is what c lacks of the mean. While r^2 / n is no large part of q, the difference keeps the
/// digits that q has.
template <typename S>
struct Deviations {
  S sum = S(0);
  S squares = S(0);

  /// True where the centre is so many sigma off the mean that m2 would lose digits.
  bool is_far(Index n) const { return sum * sum > S(0.75) * squares * S(static_cast<double>(n)); }

  template <typename P>
  Moments<S> moments(Index n, const P& centre) const {
    const S share = sum / S(static_cast<double>(n));
    return {n, S(centre) + share, squares - sum * share};
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/sums.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// The terms of several sums at one place: `terms(d, d * d)`.
template <typename FirstPack, typename... Packs>
std::array<FirstPack, 1 + sizeof...(Packs)> terms(const FirstPack& first, const Packs&... rest) {
  return {first, rest...};
}

/// Adds each term to its sum.
template <typename Packs>
EIGEN_ALWAYS_INLINE void add_terms(Packs& sums, const Packs& terms) {
  for (std::size_t t = 0; t < sums.size(); ++t) sums[t] += terms[t];
}

/// As many zeros as a pack has lanes, then as many ones.
template <typename Compute>
inline constexpr auto zeros_then_ones = []() {
  std::array<Compute, 2 * pack_size<Compute>> values{};
  for (std::size_t i = pack_size<Compute>; i < values.size(); ++i) values[i] = Compute(1);
  return values;
}();

/// Several sums over the same elements in one visit: by vector lane, four vectors in flight, and no
/// more than `flush` additions into one register before it is added to the totals, for adding equal
/// numbers over and over rounds the same way each time.
///
///     sums.add(n, [&](auto at) { auto d = at(x) - c; return terms(d, d * d); })
///
/// adds term(i) for i < n, where `at(p)` loads the elements of `p` at the current place, one pack
/// wide, or one element where there are fewer. The last pack may be read twice. The order of
/// additions depends on the calls' lengths alone.
template <typename Compute, int Terms>
class Sums {
 public:
  static constexpr int lanes = pack_size<Compute>;
  static constexpr Index flush = 16;

  template <int Lanes>
  struct At {
    Index i;
    template <typename Values>
    Pack<Compute, Lanes> operator()(const Values& values) const {
      return load<Compute, Lanes>(values + i);
    }
  };

  template <typename Term>
  EIGEN_ALWAYS_INLINE void add(Index n, const Term& term) {
    Index i = 0;
    while (i + lanes <= n) {
      // Local, so that they stay in registers.
      Packs<lanes> a = zeros<lanes>(), b = a, c = a, d = a;
      const Index end = std::min(n, i + 4 * lanes * flush);
      for (; i + 4 * lanes <= end; i += 4 * lanes) {
        add_terms(a, term(At<lanes>{i}));
        add_terms(b, term(At<lanes>{i + lanes}));
        add_terms(c, term(At<lanes>{i + 2 * lanes}));
        add_terms(d, term(At<lanes>{i + 3 * lanes}));
      }
      for (; i + lanes <= end; i += lanes) add_terms(a, term(At<lanes>{i}));
      add_terms(a, b);
      add_terms(c, d);
      add_terms(a, c);
      add_terms(total_, a);
    }
    if (i == n) return;
    if constexpr (lanes > 1) {
      if (n >= lanes) {  // the last pack again, without what is already there
        Packs<lanes> last = term(At<lanes>{n - lanes});
        const auto unseen = Pack<Compute, lanes>::load(zeros_then_ones<Compute>.data() + (n - i));
        for (auto& t : last) t = t * unseen;
        return add_terms(total_, last);
      }
    }
    Packs<1> rest = zeros<1>();
    for (; i < n; ++i) add_terms(rest, term(At<1>{i}));
    add_terms(rest_, rest);
  }

  Compute total(int term) const {
    const auto t = static_cast<std::size_t>(term);
    return total_[t].sum() + rest_[t].sum();
  }

 private:
  template <int Lanes>
  using Packs = std::array<Pack<Compute, Lanes>, Terms>;

  template <int Lanes>
  static Packs<Lanes> zeros() {
    Packs<Lanes> packs;
    packs.fill(Pack<Compute, Lanes>(Compute(0)));
    return packs;
  }

  Packs<lanes> total_ = zeros<lanes>();
  Packs<1> rest_ = zeros<1>();
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/run_moments.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// `count` runs of `length` adjacent elements, `stride` apart.
template <typename Scalar>
struct Runs {
  const Scalar* data;
  Index count;
  Index stride;
  Index length;

  Index size() const { return count * length; }
  /// The same runs, `offset` elements further.
  Runs shifted(Index offset) const { return {data + offset, count, stride, length}; }
};

/// Elements whose sum is taken in the data's own precision.
inline constexpr Index chunk_size = 2048;

/// Short runs summed together: each adds once to the same registers, and many additions in a row of
/// much the same number round the same way.
inline constexpr Index chunk_runs = 32;

/// Calls f(first run, runs, first element, elements) for pieces of at most `chunk_size` elements:
/// parts of one run where runs are long, several whole runs where they are short.
template <typename F>
EIGEN_ALWAYS_INLINE void for_each_chunk(Index count, Index length, const F& f) {
  const bool one_by_one = count == 1 || length >= chunk_size;
  const Index together = one_by_one ? 1 : std::clamp<Index>(chunk_size / length, 1, chunk_runs);
  for (Index run = 0; run < count; run += together) {
    for (Index begin = 0; begin < length; begin += chunk_size) {
      f(run, std::min(together, count - run), begin, std::min(chunk_size, length - begin));
    }
  }
}

/// The mean of some of the elements, from all over the runs, summed in `Compute`:
///
///     c = x_0 + sum_i (x_i - x_0) / n       constants are met exactly
template <typename Compute, typename Scalar>
Param<Scalar> sample_mean(const Runs<Scalar>& x) {
  using S = Stat<Scalar>;
  constexpr Index piece_size = 64;
  const Index pieces = std::clamp<Index>(std::max(x.size() / 512, x.count), 1, 8);
  const auto shift = static_cast<Compute>(x.data[0]);
  Sums<Compute, 1> sums;
  Index n = 0;
  const auto add = [&](Index run, Index begin, Index length) {
    const Scalar* data = x.data + run * x.stride + begin;
    sums.add(length, [=](auto at) { return terms(at(data) - shift); });
    n += length;
  };
  add(0, 0, std::min(piece_size, x.length));
  for (Index piece = 1; piece < pieces; ++piece) {
    const Index place = piece * x.size() / pieces;
    const Index begin = place % x.length;
    add(place / x.length, begin, std::min(piece_size, x.length - begin));
  }
  if constexpr (!std::is_same_v<Compute, S>) {
    if (!is_finite(sums.total(0))) return sample_mean<S>(x);
  }
  const S weight = S(1) / S(static_cast<double>(n));  // known before the sum is
  return static_cast<Param<Scalar>>(S(shift) + S(sums.total(0)) * weight);
}

/// The deviations of all elements of some runs from a centre.
template <typename Compute, typename Scalar>
Deviations<Stat<Scalar>> deviations(const Runs<Scalar>& x, const Param<Scalar>& centre,
                                    bool tiny_matters) {
  using S = Stat<Scalar>;
  const auto c = static_cast<Compute>(centre);
  Deviations<S> all;
  for_each_chunk(x.count, x.length, [&](Index run, Index runs, Index begin, Index length) {
    Sums<Compute, 2> sums;
    for (Index j = run; j < run + runs; ++j) {
      const Scalar* data = x.data + j * x.stride + begin;
      sums.add(length, [=](auto at) {
        const auto d = at(data) - c;
        return terms(d, d * d);
      });
    }
    all.sum += S(sums.total(0));
    all.squares += S(sums.total(1));
  });
  if constexpr (!std::is_same_v<Compute, S>) {
    if (!is_trustworthy<Compute>(all.squares, x.size(), tiny_matters)) {
      return deviations<S>(x, centre, tiny_matters);
    }
  }
  return all;
}

/// The sum of the squares of all elements of some runs: RMSNorm's only sum.
template <typename Compute, typename Scalar>
Stat<Scalar> sum_of_squares(const Runs<Scalar>& x, bool tiny_matters) {
  using S = Stat<Scalar>;
  S all = S(0);
  for_each_chunk(x.count, x.length, [&](Index run, Index runs, Index begin, Index length) {
    Sums<Compute, 1> sums;
    for (Index j = run; j < run + runs; ++j) {
      const Scalar* data = x.data + j * x.stride + begin;
      sums.add(length, [=](auto at) {
        const auto value = at(data);
        return terms(value * value);
      });
    }
    all += S(sums.total(0));
  });
  if constexpr (!std::is_same_v<Compute, S>) {
    if (!is_trustworthy<Compute>(all, x.size(), tiny_matters)) {
      return sum_of_squares<S>(x, tiny_matters);
    }
  }
  return all;
}

/// Deviations and the centre they are from.
template <typename Scalar>
struct CentredDeviations {
  Param<Scalar> centre;
  Deviations<Stat<Scalar>> d;
};

/// In one visit where `centre`, as sampled, is near enough to the mean, which it nearly always is.
template <typename Scalar>
CentredDeviations<Scalar> run_deviations(const Runs<Scalar>& x, Param<Scalar> centre,
                                         bool tiny_matters) {
  using P = Param<Scalar>;
  auto d = deviations<P>(x, centre, tiny_matters);
  if (d.is_far(x.size())) {
    centre = static_cast<P>(d.moments(x.size(), centre).mean);
    d = deviations<P>(x, centre, tiny_matters);
  }
  return {centre, d};
}

/// Moments of all elements of some runs.
template <typename Scalar>
Moments<Stat<Scalar>> run_moments(const Runs<Scalar>& x, bool tiny_matters = true) {
  const auto [centre, d] = run_deviations(x, sample_mean<Param<Scalar>>(x), tiny_matters);
  return d.moments(x.size(), centre);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/tile.hpp

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

// === eigen_norm/kernels/side_by_side.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Sums over many lines, each of `runs` short runs of `length` elements; term_of(line, run) is as
/// Sums take it. Calls done(line, first run, runs, sums) for as many runs as may be added to the
/// same registers.
///
/// Lines come inside runs: the first runs of all lines lie together, then the second runs. Read
/// line by line, the memory would be left for another page after each run.
template <typename Compute, int Terms, typename TermOf, typename Done>
EIGEN_ALWAYS_INLINE void sum_side_by_side(Index lines, Index runs, Index length,
                                          const TermOf& term_of, const Done& done) {
  if (runs == 1) {
    for (Index line = 0; line < lines; ++line) {
      Sums<Compute, Terms> sums;
      sums.add(length, term_of(line, 0));
      done(line, 0, 1, sums);
    }
    return;
  }
  const Index chunk = std::clamp<Index>(chunk_size / length, 1, chunk_runs);
  // Made only where they are used: most calls have few lines.
  union Room {
    Room() {}
    ~Room() {}
    std::array<Sums<Compute, Terms>, static_cast<std::size_t>(lines_together)> sums;
  } room;
  for (Index begin = 0; begin < lines; begin += lines_together) {
    const Index count = std::min(lines_together, lines - begin);
    for (Index first = 0; first < runs; first += chunk) {
      const Index end = std::min(first + chunk, runs);
      auto* const sums = room.sums.data();
      std::uninitialized_fill_n(sums, count, Sums<Compute, Terms>());
      for (Index run = first; run < end; ++run) {
        for (Index j = 0; j < count; ++j) {
          sums[j].add(length, term_of(begin + j, run));
        }
      }
      for (Index j = 0; j < count; ++j) {
        done(begin + j, first, end - first, sums[j]);
      }
      std::destroy_n(sums, count);
    }
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/simd_memory.hpp

#if defined(__SSE2__)
#include <immintrin.h>
#endif

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

// === eigen_norm/kernels/gradient_sums.hpp

/// GradientSums of runs and rows in centred form, chunk by chunk: xhat = (x - centre) * inv_std
/// inside the loop, the rest of xhat once at the end.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// The terms of both sums for one pack of dy and x.
template <typename Compute, int Lanes, typename P>
std::array<Pack<Compute, Lanes>, 2> gradient_terms(const Pack<Compute, Lanes>& dy,
                                                   const Pack<Compute, Lanes>& x,
                                                   const Standardise<P>& s) {
  return terms(dy, dy * ((x - static_cast<Compute>(s.centre)) * static_cast<Compute>(s.inv_std)));
}

template <typename S, typename TermOf>
EIGEN_DONT_INLINE GradientSums<S> wide_chunk_gradient_sums(Index lines, Index length,
                                                           const TermOf& term_of);

/// Both sums of one chunk: of `lines` times `length` elements, with term_of(j) as Sums take it;
/// done again in the wider type where `Compute` overflows.
template <typename Compute, typename S, typename TermOf>
EIGEN_ALWAYS_INLINE GradientSums<S> chunk_gradient_sums(Index lines, Index length,
                                                        const TermOf& term_of) {
  Sums<Compute, 2> sums;
  for (Index j = 0; j < lines; ++j) sums.add(length, term_of(j));
  if constexpr (!std::is_same_v<Compute, S>) {
    if (!is_finite(sums.total(0)) || !is_finite(sums.total(1))) {
      return wide_chunk_gradient_sums<S>(lines, length, term_of);
    }
  }
  return {S(sums.total(0)), S(sums.total(1))};
}

/// The rare case, kept out of the loops.
template <typename S, typename TermOf>
GradientSums<S> wide_chunk_gradient_sums(Index lines, Index length, const TermOf& term_of) {
  return chunk_gradient_sums<S, S>(lines, length, term_of);
}

/// Both sums over some runs.
template <typename Scalar>
GradientSums<Stat<Scalar>> run_gradient_sums(const Runs<Scalar>& x, const Runs<Scalar>& dy,
                                             const Standardise<Param<Scalar>>& s) {
  using S = Stat<Scalar>;
  auto all = GradientSums<S>::zero();
  for_each_chunk(x.count, x.length, [&](Index run, Index runs, Index begin, Index length) {
    all += chunk_gradient_sums<Param<Scalar>, S>(runs, length, [&](Index j) {
      const Scalar* xs = x.data + (run + j) * x.stride + begin;
      const Scalar* dys = dy.data + (run + j) * dy.stride + begin;
      return [=](auto at) { return gradient_terms(at(dys), at(xs), s); };
    });
  });
  all.dy_xhat += S(s.rest) * all.dy;
  return all;
}

/// Both sums of each of `count` channels: `x` and `dy` are the runs of the first, those of each
/// other lie a stride further.
template <typename Scalar>
void channel_gradient_sums(const Runs<Scalar>& x, Index x_stride, const Runs<Scalar>& dy,
                           Index dy_stride, Index count, const Standardise<Param<Scalar>>* s,
                           GradientSums<Stat<Scalar>>* out) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  if (x.length > short_run) {
    for (Index c = 0; c < count; ++c) {
      out[c] = run_gradient_sums(x.shifted(c * x_stride), dy.shifted(c * dy_stride), s[c]);
    }
    return;
  }
  const Index next_run = x.stride * Index{sizeof(Scalar)};
  const Index next_run_of_dy = dy.stride * Index{sizeof(Scalar)};
  const auto term_of = [&](Index c, Index run) {
    const Scalar* xs = x.data + c * x_stride + run * x.stride;
    const Scalar* dys = dy.data + c * dy_stride + run * dy.stride;
    const Standardise<P> by = s[c];
    return [=](auto at) {
      prefetch(xs + at.i, next_run);
      prefetch(dys + at.i, next_run_of_dy);
      return gradient_terms(at(dys), at(xs), by);
    };
  };
  std::fill_n(out, count, GradientSums<S>::zero());
  sum_side_by_side<P, 2>(
      count, x.count, x.length, term_of,
      [&](Index c, Index first, Index runs, const Sums<P, 2>& sums) {
        const bool in_range = is_finite(sums.total(0)) && is_finite(sums.total(1));
        out[c] += in_range ? GradientSums<S>{S(sums.total(0)), S(sums.total(1))}
                           : wide_chunk_gradient_sums<S>(
                                 runs, x.length, [&](Index j) { return term_of(c, first + j); });
      });
  for (Index c = 0; c < count; ++c) out[c].dy_xhat += S(s[c].rest) * out[c].dy;
}

/// Both sums along one row of `length` elements with gamma inside: sum_i gamma_i * dy_i, ... .
/// `gamma(i)` points to gamma for the elements from i on, a tile of them.
template <typename Scalar, typename Values, typename Gamma>
GradientSums<Stat<Scalar>> row_gradient_sums(const Values& x, const Scalar* dy, Index length,
                                             const Standardise<Param<Scalar>>& s,
                                             const Gamma& gamma) {
  using S = Stat<Scalar>;
  auto all = GradientSums<S>::zero();
  for (Index i = 0; i < length; i += tile_size) {
    const auto* gammas = gamma(i);
    all += chunk_gradient_sums<Param<Scalar>, S>(1, std::min(tile_size, length - i), [&](Index) {
      return [=](auto at) { return gradient_terms(at(gammas) * at(dy + i), at(x + i), s); };
    });
  }
  all.dy_xhat += S(s.rest) * all.dy;
  return all;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/backward_pass.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

using memory::CollapsedShape;
using memory::Operand;

/// Where dgamma and dbeta are added up, by channel; null where nobody asks.
template <typename S>
struct AffineSums {
  S* gamma = nullptr;
  S* beta = nullptr;

  void add(Index channel, const GradientSums<S>& sums) const {
    if (gamma == nullptr) return;
    gamma[channel] += sums.dy_xhat;
    beta[channel] += sums.dy;
  }
};

/// sum(gamma * dy) and sum(gamma * dy * xhat) by statistic, known beforehand, over all `count`
/// values that share it, of which x may be a part.
template <typename S>
struct GivenSums {
  const S* dy = nullptr;
  const S* dy_xhat = nullptr;
  Index count = 0;

  bool exist() const { return dy != nullptr; }
};

/// All that a backward pass works on. dx may be dy or x. Its two halves, the sums and dx, may be
/// asked for one by one: sums alone where dx has no data, dx alone where the sums are given. `x` is
/// what `xhat` finds itself in.
template <typename Scalar, typename Xhat = XhatOfInput>
struct BackwardPass {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;

  Operand<const Scalar> x;
  Operand<const Scalar> dy;
  Operand<Scalar> dx;
  Affine<P> affine;
  bool through_statistics;  ///< the statistics were x's own, and the gradient flows through them
  /// Room for dgamma and dbeta of each piece of a Partition, one after the other, or null.
  S* affine_sums;
  bool centred = true;  ///< false where no mean was taken away (RMSNorm)
  GivenSums<S> given = {};
  Xhat xhat = {};

  Shares<S> shares() const {
    return {given.exist() ? given.count : x.shape.values_per_statistic(), centred};
  }
  bool needs_sums() const {
    return !given.exist() && (through_statistics || affine_sums != nullptr);
  }
  bool writes() const { return dx.data != nullptr; }

  Standardise<P> standardise(const Statistic<S>& s) const {
    return Standardise<P>(xhat.statistic(s));
  }
  Backward<P> coefficients(const Statistic<S>& s, const GradientSums<S>& t,
                           const Shares<S>& share) const {
    return Backward<P>(xhat.statistic(s), t, share, s.inv_std);
  }

  /// What a statistic's sums begin with.
  GradientSums<S> known_sums(Index repeat, Index group) const {
    if (!given.exist()) return GradientSums<S>::zero();
    const Index i = x.shape.statistic(repeat, group);
    return {given.dy[i], given.dy_xhat[i]};
  }

  AffineSums<S> sums(Index piece) const {
    if (affine_sums == nullptr) return {};
    const Index channels = x.shape.channels;
    S* gamma = affine_sums + 2 * channels * piece;
    return {gamma, gamma + channels};
  }
};

/// dx = dy * gamma * inv_std as a forward pass without mean and beta, from inv_std as rounded to P.
template <typename P>
Forward<P> scale_only(const P& inv_std, const P& gamma) {
  return {Statistic<P>{P(0), inv_std}, gamma, P(0)};
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/rows.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Rows whose sum is taken in the data's own precision.
inline constexpr Index rows_together = 16;

/// `count` rows of adjacent lanes: row j = (j / inner_count, j % inner_count) begins at (j /
/// inner_count) * stride + (j % inner_count) * inner_stride.
struct Rows {
  Index count;
  Index stride;
  Index inner_count = 1;
  Index inner_stride = 0;

  Index offset(Index row) const {
    if (inner_count == 1) return row * stride;
    return row / inner_count * stride + row % inner_count * inner_stride;
  }

  /// True where rows of `width` lanes follow each other without a gap.
  bool is_dense(Index width) const { return inner_count == 1 && stride == width; }
};

/// Narrow rows that follow each other without a gap, several taken as one so that vectors are full:
/// lane l of such a row is lane l % width of one of them. A few rows may be left over.
struct RowFold {
  Index width;   ///< lanes of a row
  Index copies;  ///< rows taken as one
  Index folded;  ///< rows so made
  Index rest;    ///< rows left over, in the end

  RowFold(Index rows, Index lanes, bool dense) : width(lanes), copies(1) {
    constexpr Index narrow = 128;
    if (dense && width <= narrow) {
      while (2 * copies * width <= sum_tile_size && 2 * copies <= rows) copies *= 2;
    }
    folded = rows / copies;
    rest = rows % copies;
  }

  Index lanes() const { return width * copies; }

  /// Bytes from a row to the one that is summed `rows_together` later.
  template <typename Scalar>
  Index next_rows(const Rows& rows) const {
    const Index step = rows.inner_count == 1 ? rows.stride : rows.inner_stride;
    return rows_together * copies * step * Index{sizeof(Scalar)};
  }

  /// Repeats the numbers of the first row's lanes for the others.
  template <typename T, Index Size>
  void repeat(Tile<T, Size>& tile) const {
    for (Index l = width; l < lanes(); ++l) tile[l] = tile[l - width];
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/coefficient_tiles.hpp

/// Coefficients of adjacent channels or lanes, a tile of each on the stack, so that loops read them
/// as packs.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

template <typename S>
struct StatisticTile {
  Tile<S> mean, inv_std;

  Statistic<S> at(Index lane) const { return {mean[lane], inv_std[lane]}; }
};

/// inverse_std of `n` variances, in their place; four at a time: Eigen's roots of wider vectors are
/// approximations.
template <typename S>
void inverse_std(S* values, Index n, double eps) {
  Index i = 0;
  if constexpr (std::is_arithmetic_v<S>) {
    for (; i + 4 <= n; i += 4) {
      Eigen::Map<Eigen::Array<S, 4, 1>> four(values + i);
      const Eigen::Array<S, 4, 1> squared = four + S(eps), inverse = S(1) / squared.sqrt();
      four = (squared == S(0)).select(S(0), inverse);
    }
  }
  for (; i < n; ++i) values[i] = inverse_std(values[i], eps);
}

/// NaN in the place of `n` variances of data that are infinite: their sums were beyond S, which an
/// inv_std of 0 would hide.
template <typename S>
void show_overflow(S* var, Index n) {
  for (Index i = 0; i < n; ++i) var[i] += S(var[i] * S(0));
}

/// y = (x - centre) * scale + shift
template <typename P>
struct ForwardTile {
  Tile<P> centre, scale, shift;

  void set(Index lane, const Forward<P>& f) {
    centre[lane] = f.centre;
    scale[lane] = f.scale;
    shift[lane] = f.shift;
  }
  void repeat(const RowFold& fold) {
    for (auto* tile : {&centre, &scale, &shift}) fold.repeat(*tile);
  }

  template <int Lanes, typename Scalar>
  Pack<P, Lanes> y(const Scalar* x, Index l) const {
    return (load<P, Lanes>(x + l) - load_tile<Lanes>(centre, l)) * load_tile<Lanes>(scale, l) +
           load_tile<Lanes>(shift, l);
  }
};

/// xhat = (x - centre) * inv_std + rest
template <typename P, Index Size = tile_size>
struct StandardiseTile {
  Tile<P, Size> centre, inv_std, rest;

  void set(Index lane, const Standardise<P>& s) {
    centre[lane] = s.centre;
    inv_std[lane] = s.inv_std;
    rest[lane] = s.rest;
  }

  template <int Lanes, typename Values>
  Pack<P, Lanes> xhat(const Values& x, Index l) const {
    return (load<P, Lanes>(x + l) - load_tile<Lanes>(centre, l)) * load_tile<Lanes>(inv_std, l) +
           load_tile<Lanes>(rest, l);
  }
};

/// dx = (gamma * dy + slope * (x - centre) + offset) * inv_std
template <typename P>
struct BackwardTile {
  Tile<P> centre, inv_std, slope, offset, gamma;

  void set(Index lane, const Backward<P>& b, const P& gamma_of_lane = P(1)) {
    centre[lane] = b.centre;
    inv_std[lane] = b.inv_std;
    slope[lane] = b.slope;
    offset[lane] = b.offset;
    gamma[lane] = gamma_of_lane;
  }
  void repeat(const RowFold& fold) {
    for (auto* tile : {&centre, &inv_std, &slope, &offset, &gamma}) fold.repeat(*tile);
  }

  /// Where the gradient flows through the statistics.
  template <int Lanes, typename Scalar>
  Pack<P, Lanes> dx(const Scalar* x, const Scalar* dy, Index l) const {
    return dx(load_tile<Lanes>(gamma, l) * load<P, Lanes>(dy + l), x, l);
  }
  /// The same with `scaled` = gamma * dy.
  template <int Lanes, typename Values>
  Pack<P, Lanes> dx(const Pack<P, Lanes>& scaled, const Values& x, Index l) const {
    const Pack<P, Lanes> centred = load<P, Lanes>(x + l) - load_tile<Lanes>(centre, l);
    return (scaled + load_tile<Lanes>(slope, l) * centred + load_tile<Lanes>(offset, l)) *
           load_tile<Lanes>(inv_std, l);
  }
  /// Where it does not, and `gamma` is gamma * inv_std.
  template <int Lanes, typename Scalar>
  Pack<P, Lanes> dx(const Scalar* dy, Index l) const {
    return load_tile<Lanes>(gamma, l) * load<P, Lanes>(dy + l);
  }
};

/// gamma and beta of adjacent channels, a tile of them: where they lie, or made on the stack where
/// one is absent or gamma has an offset.
template <typename P>
class AffineTile {
 public:
  AffineTile(const Affine<P>& affine, Index channels) : affine_(affine), channels_(channels) {
    if (affine.gamma == nullptr) gamma_.head(tile_size).setConstant(P(1));
    if (affine.beta == nullptr) beta_.head(tile_size).setConstant(P(0));
  }
  AffineTile(const AffineTile&) = delete;
  AffineTile& operator=(const AffineTile&) = delete;

  /// Valid until the next call.
  const P* gamma(Index channel) {
    if (affine_.gamma == nullptr) return gamma_.data();
    if (affine_.gamma_offset == P(0)) return affine_.gamma + channel;
    if (channel != made_) {
      const Index width = std::min(tile_size, channels_ - channel);
      for (Index l = 0; l < width; ++l) gamma_[l] = affine_.gamma_at(channel + l);
      made_ = channel;
    }
    return gamma_.data();
  }
  const P* beta(Index channel) const {
    return affine_.beta != nullptr ? affine_.beta + channel : beta_.data();
  }

 private:
  Affine<P> affine_;
  Index channels_;
  Index made_ = -1;
  Tile<P> gamma_, beta_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/parallel.hpp

/// The one file that knows about threads.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Something that can run tasks 0 to n - 1 side by side and wait for them.
class Executor {
 public:
  using Task = void (*)(const void* context, Index index);

  virtual ~Executor() = default;
  virtual void run(Index tasks, Task task, const void* context) const = 0;
};

/// The executor of the calling thread; null: OpenMP where Eigen uses it, else none.
inline const Executor*& current_executor() {
  thread_local const Executor* executor = nullptr;
  return executor;
}

/// True while the calling thread works on a task of parallel_for.
inline bool& inside_a_task() {
  thread_local bool inside = false;
  return inside;
}

/// Below this many elements a second thread costs more than it saves.
inline constexpr Index parallel_threshold = 32768;

/// Calls f(0) ... f(tasks - 1), at the same time where there are threads: exactly when Eigen's own
/// products have them (OpenMP and Eigen::setNbThreads), or in a ParallelScope. Serial for small
/// inputs and inside a parallel region. No result may depend on who runs what; with OpenMP it is
/// the same thread for the same task each time, whose cache may still hold the data.
template <typename F>
void parallel_for(Index tasks, Index elements, const F& f) {
  if (tasks > 1 && elements >= parallel_threshold && !inside_a_task()) {
    if (const Executor* executor = current_executor()) {
      const auto task = [](const void* context, Index index) {
        const bool outside = inside_a_task();
        inside_a_task() = true;
        (*static_cast<const F*>(context))(index);
        finish_streaming();
        inside_a_task() = outside;
      };
      return executor->run(tasks, task, &f);
    }
#ifdef EIGEN_HAS_OPENMP
    const int threads = Eigen::nbThreads();
    if (threads > 1 && omp_in_parallel() == 0) {
#pragma omp parallel for schedule(static) num_threads(threads)
      for (Index task = 0; task < tasks; ++task) {
        f(task);
        finish_streaming();
      }
      return;
    }
#endif
  }
  for (Index task = 0; task < tasks; ++task) f(task);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/partition.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Groups whose channels fill a tile; at least one, which may then be wider.
inline Index groups_per_tile(const memory::CollapsedShape& shape) {
  return std::max<Index>(1, tile_size / shape.group);
}

inline bool has_short_runs(const memory::CollapsedShape& shape) {
  return shape.outer > 1 && shape.inner > 1 && shape.inner <= short_run;
}

/// Rows of one tile of columns, cut into blocks by their number and width alone.
class RowBlocks {
 public:
  static constexpr Index most = 8;
  static constexpr Index block_size = 65536;  ///< elements that are worth a block of their own

  RowBlocks(Index rows, Index width)
      : rows_(rows),
        count_(std::clamp<Index>(rows * width / block_size, 1, std::clamp<Index>(rows, 1, most))) {}

  Index count() const { return count_; }
  Index begin(Index block) const { return block * rows_ / count_; }
  Index end(Index block) const { return begin(block + 1); }

 private:
  Index rows_, count_;
};

/// Some repeats and some groups of a collapsed shape: what one task works on.
struct Part {
  Index piece;  ///< which of the pieces that the repeats are cut into
  Index repeat_begin, repeat_end;
  Index group_begin, group_end;
};

/// How a collapsed shape is cut into parts: by its extents alone, never by the number of threads,
/// so that sums over the pieces are the same bits for all of them.
///
/// Parts of one piece share no channel, so they may add to the same dgamma and dbeta.
class Partition {
 public:
  static constexpr Index part_size = 65536;  ///< elements that are worth a part of their own
  static constexpr Index most_pieces = 16;
  static constexpr Index most_parts = 64;

  /// Pieces that the repeats are cut into, `limit` at most. A backward pass keeps sums by channel
  /// for each: small beside the samples that share them.
  static Index pieces(const memory::CollapsedShape& shape, Index limit = most_pieces) {
    const Index samples = shape.repeats * shape.outer * shape.inner;
    return std::min({wanted(shape), shape.repeats, limit, std::max<Index>(1, samples / 64)});
  }

  Partition(const memory::CollapsedShape& shape, memory::Loop loop, Index pieces)
      : repeats_(shape.repeats), groups_(shape.groups()), elements_(shape.size()), pieces_(pieces) {
    const Index chunks = std::clamp<Index>(wanted(shape) / pieces_, 1, groups_);
    groups_per_chunk_ = (groups_ + chunks - 1) / chunks;
    if (loop == memory::Loop::column && pieces_ == 1 &&
        RowBlocks(shape.outer, std::min(shape.channels, sum_tile_size)).count() > 1) {
      groups_per_chunk_ = groups_;  // threads take blocks of rows, which lie together in memory
    } else if (loop == memory::Loop::column) {  // whole tiles of lanes, whole packs
      const Index per_tile = groups_per_tile(shape);
      groups_per_chunk_ = (groups_per_chunk_ + per_tile - 1) / per_tile * per_tile;
    } else if (has_short_runs(shape)) {  // neighbours, and yet some parts for threads
      const Index together = std::clamp<Index>(groups_ / 8, 32, lines_together);
      groups_per_chunk_ = (groups_per_chunk_ + together - 1) / together * together;
    }
    chunks_ = (groups_ + groups_per_chunk_ - 1) / groups_per_chunk_;
  }

  /// f(part) for all parts, side by side where there are threads.
  template <typename F>
  void for_each(const F& f) const {
    parallel_for(pieces_ * chunks_, elements_, [&](Index task) {
      const Index piece = task / chunks_, group = task % chunks_ * groups_per_chunk_;
      f(Part{piece, piece * repeats_ / pieces_, (piece + 1) * repeats_ / pieces_, group,
             std::min(group + groups_per_chunk_, groups_)});
    });
  }

 private:
  static Index wanted(const memory::CollapsedShape& shape) {
    return std::clamp<Index>(shape.size() / part_size, 1, most_parts);
  }

  Index repeats_, groups_, elements_;
  Index pieces_, chunks_, groups_per_chunk_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/lane_sums.hpp

/// Sums down the rows, for each of the adjacent lanes.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Adds term(lanes, place(row), l), an array of packs, over rows [begin, end) to sums[t][l] for
/// each of `width` lanes. Memory is read in many streams, the sums are touched once for many rows.
template <typename Compute, typename S, std::size_t Terms, typename Place, typename Term>
void add_rows(Index begin, Index end, Index width, const std::array<S*, Terms>& sums,
              const Place& place, const Term& term) {
  for (Index row = begin; row < end; row += rows_together) {
    const Index count = std::min(rows_together, end - row);
    std::array<decltype(place(row)), static_cast<std::size_t>(rows_together)> places;
    for (Index j = 0; j < count; ++j) places[static_cast<std::size_t>(j)] = place(row + j);
    const auto* const last = places.data() + count;
    for_each_pack<Compute>(width, [&](auto lanes, Index l) {
      const auto* at = places.data();
      auto even = term(lanes, *at++, l);
      if (at != last) {  // two sums in flight
        auto odd = term(lanes, *at++, l);
        for (; at + 1 < last; at += 2) {
          add_terms(even, term(lanes, at[0], l));
          add_terms(odd, term(lanes, at[1], l));
        }
        if (at != last) add_terms(even, term(lanes, *at, l));
        add_terms(even, odd);
      }
      for (std::size_t t = 0; t < Terms; ++t) {
        S* const total = sums[t] + l;
        store<lanes.value>(total, load<S, lanes.value>(total) + even[t].template as<S>());
      }
    });
  }
}

/// Sums of each lane of a tile.
template <typename S, std::size_t Terms>
using LaneSums = std::array<SumTile<S>, Terms>;

/// The same over all rows, from zero, for rows taken together as `fold` says: by blocks, which are
/// added in order.
template <typename Compute, typename S, std::size_t Terms, typename Place, typename Term>
void lane_sums(const RowFold& fold, LaneSums<S, Terms>& sums, const Place& place,
               const Term& term) {
  const Index lanes = fold.lanes();
  const RowBlocks blocks(fold.folded, lanes);
  const auto pointers = [](LaneSums<S, Terms>& to) {
    std::array<S*, Terms> result;
    for (std::size_t t = 0; t < Terms; ++t) result[t] = to[t].data();
    return result;
  };
  std::array<LaneSums<S, Terms>, static_cast<std::size_t>(RowBlocks::most - 1)> others;
  const auto of = [&](Index block) -> LaneSums<S, Terms>& {
    return block == 0 ? sums : others[static_cast<std::size_t>(block - 1)];
  };
  parallel_for(blocks.count(), fold.folded * lanes, [&](Index block) {
    for (auto& tile : of(block)) tile.head(lanes).setConstant(S(0));
    add_rows<Compute>(
        blocks.begin(block), blocks.end(block), lanes, pointers(of(block)),
        [&](Index row) { return place(row * fold.copies); }, term);
  });
  for (std::size_t t = 0; t < Terms; ++t) {
    SumTile<S>& tile = sums[t];
    for (Index block = 1; block < blocks.count(); ++block) {
      tile.head(lanes) += of(block)[t].head(lanes);
    }
    for (Index half = lanes / 2; half >= fold.width; half /= 2) {  // copies are a power of two
      tile.head(half) += tile.segment(half, half);
    }
  }
  const Index rest = fold.folded * fold.copies;
  add_rows<Compute>(rest, rest + fold.rest, fold.width, pointers(sums), place, term);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/lane_gradient_sums.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// GradientSums of adjacent lanes.
template <typename S>
struct LaneGradientSums {
  SumTile<S> dy, dy_xhat;

  GradientSums<S> at(Index lane) const { return {dy[lane], dy_xhat[lane]}; }
};

/// Both sums of each lane, without the rest of xhat.
template <typename Compute, typename Scalar>
void centred_lane_gradient_sums(const Scalar* x, const Rows& x_rows, const Scalar* dy,
                                const Rows& dy_rows, const RowFold& fold,
                                const StandardiseTile<Param<Scalar>, sum_tile_size>& s,
                                LaneSums<Stat<Scalar>, 2>& sums) {
  using S = Stat<Scalar>;
  lane_sums<Compute>(
      fold, sums,
      [&](Index row) { return std::pair(x + x_rows.offset(row), dy + dy_rows.offset(row)); },
      [&](auto lanes, const auto& row, Index l) {
        constexpr int size = lanes.value;
        prefetch(row.first + l, fold.next_rows<Scalar>(x_rows));
        prefetch(row.second + l, fold.next_rows<Scalar>(dy_rows));
        const auto d = load<Compute, size>(row.second + l);
        const auto centred =
            load<Compute, size>(row.first + l) - load<Compute, size>(s.centre.data() + l);
        return terms(d, d * (centred * load<Compute, size>(s.inv_std.data() + l)));
      });
  if constexpr (!std::is_same_v<Compute, S>) {
    bool in_range = true;
    for (Index l = 0; l < fold.width; ++l) {
      in_range &= is_finite(sums[0][l]) && is_finite(sums[1][l]);
    }
    if (!in_range) centred_lane_gradient_sums<S>(x, x_rows, dy, dy_rows, fold, s, sums);
  }
}

/// Both sums of each of `width` adjacent lanes, at most a SumTile of them, over some rows.
template <typename Scalar>
LaneGradientSums<Stat<Scalar>> lane_gradient_sums(
    const Scalar* x, const Rows& x_rows, const Scalar* dy, const Rows& dy_rows, Index width,
    StandardiseTile<Param<Scalar>, sum_tile_size>& s) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const RowFold fold(x_rows.count, width, x_rows.is_dense(width) && dy_rows.is_dense(width));
  fold.repeat(s.centre);
  fold.repeat(s.inv_std);
  LaneSums<S, 2> sums;
  centred_lane_gradient_sums<P>(x, x_rows, dy, dy_rows, fold, s, sums);

  LaneGradientSums<S> result;
  for (Index l = 0; l < width; ++l) {
    result.dy[l] = sums[0][l];
    result.dy_xhat[l] = sums[1][l] + S(s.rest[l]) * sums[0][l];
  }
  return result;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/lane_moments.hpp

/// The arithmetic of run_moments for each of some adjacent lanes.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Moments of adjacent lanes that have seen the same number of values.
template <typename S>
struct LaneMoments {
  Index count = 0;
  SumTile<S> mean, m2;

  Moments<S> at(Index lane) const { return {count, mean[lane], m2[lane]}; }
};

/// The mean of some of the rows, from all over them, summed in `Compute`.
template <typename Compute, typename Scalar>
void lane_sample_means(const Scalar* x, const Rows& rows, Index width,
                       SumTile<Param<Scalar>>& means) {
  using S = Stat<Scalar>;
  const Index n = std::min(rows.count, rows_together);
  LaneSums<S, 1> sums;
  sums[0].head(width).setConstant(S(0));
  add_rows<Compute>(
      0, n, width, std::array<S*, 1>{sums[0].data()},
      [&](Index j) { return x + rows.offset(j * rows.count / n); },
      [&](auto lanes, const Scalar* row, Index l) {
        return terms(load<Compute, lanes.value>(row + l) - load<Compute, lanes.value>(x + l));
      });
  bool in_range = true;
  for (Index l = 0; l < width; ++l) {
    in_range &= is_finite(sums[0][l]);
    means[l] = static_cast<Param<Scalar>>(S(x[l]) + sums[0][l] / S(static_cast<double>(n)));
  }
  if constexpr (!std::is_same_v<Compute, S>) {
    if (!in_range) lane_sample_means<S>(x, rows, width, means);
  }
}

/// Sums of the deviations of each lane from its centre, and of their squares.
template <typename Compute, typename Scalar>
void lane_deviations(const Scalar* x, const Rows& rows, const RowFold& fold,
                     SumTile<Param<Scalar>>& centre, bool tiny_matters,
                     LaneSums<Stat<Scalar>, 2>& sums) {
  using S = Stat<Scalar>;
  fold.repeat(centre);
  lane_sums<Compute>(
      fold, sums, [&](Index row) { return x + rows.offset(row); },
      [&](auto lanes, const Scalar* row, Index l) {
        constexpr int size = lanes.value;
        prefetch(row + l, fold.next_rows<Scalar>(rows));
        const auto d = load<Compute, size>(row + l) - load<Compute, size>(centre.data() + l);
        return terms(d, d * d);
      });
  if constexpr (!std::is_same_v<Compute, S>) {
    bool trustworthy = true;
    for (Index l = 0; l < fold.width; ++l) {
      trustworthy &= is_trustworthy<Compute>(sums[1][l], rows.count, tiny_matters);
    }
    if (!trustworthy) lane_deviations<S>(x, rows, fold, centre, tiny_matters, sums);
  }
}

/// Moments of each of `width` adjacent lanes, at most a SumTile of them, over some rows.
template <typename Scalar>
LaneMoments<Stat<Scalar>> lane_moments(const Scalar* x, const Rows& rows, Index width,
                                       bool tiny_matters = true) {
  using S = Stat<Scalar>;
  using P = Param<Scalar>;
  const RowFold fold(rows.count, width, rows.is_dense(width));
  SumTile<P> centre;
  LaneSums<S, 2> sums;
  lane_sample_means<P>(x, rows, width, centre);
  lane_deviations<P>(x, rows, fold, centre, tiny_matters, sums);

  LaneMoments<S> result;
  result.count = rows.count;
  const auto finish = [&] {
    bool far = false;
    for (Index l = 0; l < width; ++l) {
      const Deviations<S> d{sums[0][l], sums[1][l]};
      const Moments<S> moments = d.moments(rows.count, centre[l]);
      result.mean[l] = moments.mean;
      result.m2[l] = moments.m2;
      far |= d.is_far(rows.count);
    }
    return far;
  };
  if (finish()) {
    for (Index l = 0; l < width; ++l) centre[l] = static_cast<P>(result.mean[l]);
    lane_deviations<P>(x, rows, fold, centre, tiny_matters, sums);
    finish();
  }
  return result;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/short_deviations.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// The centres and deviations of `count` lines of short runs, each `stride` after the one before;
/// `first` is the first of them. One step for all lines and then the next: a run is so short that
/// the processor would wait for its sums; it works on several at once instead.
template <typename Scalar>
void short_deviations(const Runs<Scalar>& first, Index stride, Index count, bool tiny_matters,
                      Param<Scalar>* centre, Stat<Scalar>* sum, Stat<Scalar>* squares) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const Index length = first.length;

  // The mean of some of the elements, from the beginnings of some of the runs.
  const Index sampled = std::min(length, std::clamp<Index>(length / 4, pack_size<P>, 64));
  const Index runs = std::min<Index>(first.count, 8);
  const P weight = P(1) / P(static_cast<float>(sampled * runs));
  const Index next_run = first.stride * Index{sizeof(Scalar)};
  const auto shift = [&](Index j) { return static_cast<P>(first.data[j * stride]); };
  sum_side_by_side<P, 1>(
      count, runs, sampled,
      [&](Index j, Index run) {
        const Scalar* data = first.data + j * stride + run * first.count / runs * first.stride;
        const P x_0 = shift(j);
        return [=](auto at) { return terms(at(data) - x_0); };
      },
      [&](Index j, Index, Index, const Sums<P, 1>& sums) {
        centre[j] = shift(j) + sums.total(0) * weight;
      });

  sum_side_by_side<P, 2>(
      count, first.count, length,
      [&](Index j, Index run) {
        const Scalar* data = first.data + j * stride + run * first.stride;
        const P c = centre[j];
        return [=](auto at) {
          prefetch(data + at.i, next_run);
          const auto d = at(data) - c;
          return terms(d, d * d);
        };
      },
      [&](Index j, Index begin, Index, const Sums<P, 2>& sums) {
        sum[j] = S(sums.total(0)) + (begin == 0 ? S(0) : sum[j]);
        squares[j] = S(sums.total(1)) + (begin == 0 ? S(0) : squares[j]);
      });

  for (Index j = 0; j < count; ++j) {
    const Deviations<S> d{sum[j], squares[j]};
    if (!d.is_far(first.size()) && is_trustworthy<P>(d.squares, first.size(), tiny_matters)) {
      continue;
    }
    const Runs<Scalar> line = first.shifted(j * stride);
    const CentredDeviations<Scalar> about =
        run_deviations(line, sample_mean<P>(line), tiny_matters);
    centre[j] = about.centre;
    sum[j] = about.d.sum;
    squares[j] = about.d.squares;
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/sources.hpp

/// Where a loop takes its statistics from: the data in front of it, or numbers given beforehand.
/// Both answer the same four questions, so that no loop knows training from inference:
///
///     of_runs(x, r, g, count, out)        the statistics (r, g), (r, g + 1), ... of runs
///     of_rows(x, r, count, g, out)        the statistics (r, g), (r + 1, g), ... of rows
///     of_columns(x, r, g, count, out)     the statistics (r, g), (r, g + 1), ... of columns
///     of_lanes(x, r, count, g, out)       the statistics (r, g), (r + 1, g), ... of lanes

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

using memory::CollapsedShape;
using memory::Operand;

/// Where statistics of data are written, arrays by statistic; null where nobody asks.
template <typename S>
struct KeptStatistics {
  S* mean = nullptr;
  S* inv_std = nullptr;
  S* var = nullptr;  ///< biased
};

/// Statistics of the data itself, each written where the caller wants to have it.
template <typename Scalar>
class FromData {
  using S = Stat<Scalar>;

 public:
  static constexpr bool by_channel = false;

  /// Not `centred`: the mean counts as 0, so that the variance is the mean of the squares
  /// (RMSNorm).
  explicit FromData(double eps, const KeptStatistics<S>& keep = {}, bool centred = true)
      : eps_(eps), keep_(keep), centred_(centred) {}

  void of_runs(const Operand<const Scalar>& x, Index r, Index first, Index count,
               StatisticTile<S>& out) const {
    const CollapsedShape& v = x.shape;
    // The channels of a group are one long run, unless x is some of the positions alone.
    const bool one_run = v.group == 1 || v.channel_stride == v.inner;
    const Scalar* const data = x.at(r, first * v.group);
    of_lines(one_run ? Runs<Scalar>{data, v.outer, v.outer_stride, v.group * v.inner}
                     : Runs<Scalar>{data, v.group, v.channel_stride, v.inner},
             v.group * v.channel_stride, count, out,
             [&](Index k) { return v.statistic(r, first + k); });
  }

  void of_rows(const Operand<const Scalar>& x, Index r, Index count, Index g,
               StatisticTile<S>& out) const {
    const CollapsedShape& v = x.shape;
    of_lines({x.at(r, g * v.group), 1, 0, v.group}, v.repeat_stride, count, out,
             [&](Index j) { return v.statistic(r + j, g); });
  }

  void of_columns(const Operand<const Scalar>& x, Index r, Index first, Index count,
                  StatisticTile<S>& out) const {
    const CollapsedShape& v = x.shape;
    Index g = 0;
    Moments<S> group;
    const Index end = (first + count) * v.group;
    for (Index c = first * v.group; c < end; c += sum_tile_size) {
      const Index width = std::min(sum_tile_size, end - c);
      const LaneMoments<S> lanes =
          lane_moments(x.at(r, c), Rows{v.outer, v.outer_stride}, width, tiny_matters(eps_));
      if (v.group == 1) {
        for (Index l = 0; l < width; ++l, ++g) {
          out.mean[g] = lanes.mean[l];
          out.inv_std[g] = lanes.at(l).biased_variance();
        }
        continue;
      }
      for (Index l = 0; l < width; ++l) {
        group.merge(lanes.at(l));
        if (group.count < v.values_per_statistic()) continue;
        out.mean[g] = group.mean;
        out.inv_std[g] = group.biased_variance();
        group = {};
        ++g;
      }
    }
    const Index index = v.statistic(r, first);
    finish(count, out, [=](Index k) { return index + k; });
  }

  void of_lanes(const Operand<const Scalar>& x, Index r, Index count, Index g,
                StatisticTile<S>& out) const {
    const CollapsedShape& v = x.shape;
    const Rows rows{v.group * v.outer, v.channel_stride, v.outer, v.outer_stride};
    for (Index begin = 0; begin < count; begin += sum_tile_size) {
      const Index width = std::min(sum_tile_size, count - begin);
      const LaneMoments<S> lanes =
          lane_moments(x.at(r + begin, g * v.group), rows, width, tiny_matters(eps_));
      for (Index l = 0; l < width; ++l) {
        out.mean[begin + l] = lanes.mean[l];
        out.inv_std[begin + l] = lanes.at(l).biased_variance();
      }
    }
    finish(count, out, [&](Index l) { return v.statistic(r + l, g); });
  }

 private:
  /// The statistics of `count` lines, each `stride` after the one before.
  template <typename IndexOf>
  void of_lines(const Runs<Scalar>& first, Index stride, Index count, StatisticTile<S>& out,
                const IndexOf& index_of) const {
    using P = Param<Scalar>;
    Tile<P> centre;
    Tile<S> sum, squares;
    const bool tiny = tiny_matters(eps_);
    if (!centred_) {
      const S weight = S(1) / S(static_cast<double>(first.size()));
      for (Index k = 0; k < count; ++k) {
        out.mean[k] = S(0);
        out.inv_std[k] = sum_of_squares<P>(first.shifted(k * stride), tiny) * weight;
      }
      return finish(count, out, index_of);
    }
    if (first.length <= short_run) {
      short_deviations(first, stride, count, tiny, centre.data(), sum.data(), squares.data());
    } else {
      // One step for all of them and then the next, so that the processor works on many at once.
      const auto line = [&](Index k) { return first.shifted(k * stride); };
      for (Index k = 0; k < count; ++k) centre[k] = sample_mean<P>(line(k));
      for (Index k = 0; k < count; ++k) {
        const CentredDeviations<Scalar> about = run_deviations(line(k), centre[k], tiny);
        centre[k] = about.centre;
        sum[k] = about.d.sum;
        squares[k] = about.d.squares;
      }
    }
    of_deviations(first.size(), count, centre, sum, squares, out, index_of);
  }

  template <typename IndexOf>
  void of_deviations(Index n, Index count, const Tile<Param<Scalar>>& centre, const Tile<S>& sum,
                     const Tile<S>& squares, StatisticTile<S>& out, const IndexOf& index_of) const {
    for (Index k = 0; k < count; ++k) {
      const Moments<S> moments = Deviations<S>{sum[k], squares[k]}.moments(n, centre[k]);
      out.mean[k] = moments.mean;
      out.inv_std[k] = moments.biased_variance();
    }
    finish(count, out, index_of);
  }

  /// Makes inv_std of the variances that `out` holds in its place.
  template <typename IndexOf>
  void finish(Index count, StatisticTile<S>& out, const IndexOf& index_of) const {
    for (Index k = 0; !centred_ && k < count; ++k) {
      out.inv_std[k] += S(out.mean[k] * out.mean[k]);  // sum_i x_i^2 / m = var + mean^2
      out.mean[k] = S(0);
    }
    show_overflow(out.inv_std.data(), count);
    for (Index k = 0; keep_.var != nullptr && k < count; ++k) {
      keep_.var[index_of(k)] = out.inv_std[k];
    }
    inverse_std(out.inv_std.data(), count, eps_);
    for (Index k = 0; keep_.mean != nullptr && k < count; ++k) {
      keep_.mean[index_of(k)] = out.mean[k];
    }
    for (Index k = 0; keep_.inv_std != nullptr && k < count; ++k) {
      keep_.inv_std[index_of(k)] = out.inv_std[k];
    }
  }

  double eps_;
  KeptStatistics<S> keep_;
  bool centred_;
};

/// Statistics known beforehand: `take(n, index, out)` are those of index(0), index(1), ... .
template <typename Scalar, typename At>
class Known : private At {
  using S = Stat<Scalar>;

 public:
  static constexpr bool by_channel = At::by_channel;

  explicit Known(const At& at) : At(at) {}

  void of_runs(const Operand<const Scalar>& x, Index r, Index first, Index count,
               StatisticTile<S>& out) const {
    of_columns(x, r, first, count, out);
  }
  void of_columns(const Operand<const Scalar>& x, Index r, Index first, Index count,
                  StatisticTile<S>& out) const {
    At::take(
        count, [&](Index g) { return x.shape.statistic(r, first + g); }, out);
  }
  void of_rows(const Operand<const Scalar>& x, Index r, Index count, Index g,
               StatisticTile<S>& out) const {
    of_lanes(x, r, count, g, out);
  }
  void of_lanes(const Operand<const Scalar>& x, Index r, Index count, Index g,
                StatisticTile<S>& out) const {
    At::take(
        count, [&](Index l) { return x.shape.statistic(r + l, g); }, out);
  }
};

template <typename Scalar, bool ByChannel>
struct GivenStatistics {
  static constexpr bool by_channel = ByChannel;
  const Stat<Scalar>* mean;
  const Stat<Scalar>* inv_std;

  template <typename Index_>
  void take(Index n, const Index_& index, StatisticTile<Stat<Scalar>>& out) const {
    for (Index i = 0; i < n; ++i) {
      out.mean[i] = mean[index(i)];
      out.inv_std[i] = inv_std[index(i)];
    }
  }
};

template <typename Scalar>
struct StatisticsOfRunning {
  static constexpr bool by_channel = true;  ///< never by row or lane
  const Param<Scalar>* mean;
  const Param<Scalar>* var;
  double eps;

  Statistic<Stat<Scalar>> at(Index i) const {
    using S = Stat<Scalar>;
    return {S(mean[i]), inverse_std(S(var[i]), eps)};
  }
  template <typename Index_>
  void take(Index n, const Index_& index, StatisticTile<Stat<Scalar>>& out) const {
    for (Index i = 0; i < n; ++i) {
      out.mean[i] = Stat<Scalar>(mean[index(i)]);
      out.inv_std[i] = Stat<Scalar>(var[index(i)]);
    }
    inverse_std(out.inv_std.data(), n, eps);
  }
};

/// Those that a forward pass kept, for its backward pass.
template <typename Scalar>
using FromForward = Known<Scalar, GivenStatistics<Scalar, false>>;

/// Those of each channel, never by row or lane.
template <typename Scalar>
using FromChannels = Known<Scalar, GivenStatistics<Scalar, true>>;

/// The running ones of each channel.
template <typename Scalar>
using FromRunning = Known<Scalar, StatisticsOfRunning<Scalar>>;

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/writer.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Writes a result: past the cache where all of it is too large to stay there, for then reading
/// each line before it is overwritten is wasted. What is read for such a result comes from far away
/// too, and is asked for early.
template <typename Scalar>
class Writer {
 public:
  /// Few last-level caches keep more for one thread.
  static constexpr Index largest_kept = Index{32} << 20;  // bytes

  explicit Writer(Index elements)
      : streams_(can_stream_packs && elements > largest_kept / Index{sizeof(Scalar)}) {}

  /// Makes all that this thread has written visible to others.
  void finish() const {
    if (streams_) finish_streaming();
  }

  /// Elements of `data` before the first that can be streamed to, `n` at most.
  Index head(const Scalar* data, Index n) const {
    if (!streams_) return 0;
    const auto beyond = static_cast<Index>(reinterpret_cast<std::uintptr_t>(data) % pack_bytes);
    return std::min(n, (pack_bytes - beyond) % pack_bytes / Index{sizeof(Scalar)});
  }

  /// Called with the place of each pack that is read.
  void read_ahead(const Scalar* data) const {
    if (streams_) prefetch(data, 8192);  // two pages: the processor's own prefetch stops at one
  }

  template <int Lanes, typename Compute>
  void write(Scalar* data, const Pack<Compute, Lanes>& values) const {
    if constexpr (Lanes == pack && can_stream_packs) {
      if (streams_ && reinterpret_cast<std::uintptr_t>(data) % pack_bytes == 0) {
        Scalar narrowed[Lanes];
        store<Lanes>(narrowed, values);
        return stream<pack_bytes>(data, narrowed);
      }
    }
    store<Lanes>(data, values);
  }

 private:
  static constexpr int pack = pack_size<Param<Scalar>>;
  static constexpr int pack_bytes = pack * int{sizeof(Scalar)};
  static constexpr bool can_stream_packs = pack > 1 && can_stream<pack_bytes>;
  bool streams_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/column_loop.hpp

/// The column loop: each of the adjacent elements has its own statistic, gamma and beta, and all
/// rows have the same ones. BatchNorm1d on (N, C), every channels-last layer.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// f(o, lanes) for rows of adjacent lanes, side by side where there are threads. Rows are taken
/// together as `fold` says; o is the first of them.
template <typename F>
void for_each_row(const RowFold& fold, const F& f) {
  const RowBlocks blocks(fold.folded, fold.lanes());
  parallel_for(blocks.count(), fold.folded * fold.lanes(), [&](Index block) {
    for (Index o = blocks.begin(block); o < blocks.end(block); ++o) {
      f(o * fold.copies, fold.lanes());
    }
  });
  const Index rest = fold.folded * fold.copies;
  for (Index o = rest; o < rest + fold.rest; ++o) f(o, fold.width);
}

/// Bytes to the same lanes of the row that follows, where it begins elsewhere: `width` lanes are
/// not all of a row, and the processor's own prefetch would start anew; else 0.
template <typename Scalar>
Index following_row(const CollapsedShape& v, Index width) {
  return width < v.outer_stride ? v.outer_stride * Index{sizeof(Scalar)} : 0;
}

/// Rows of `width` lanes of a shape.
inline Rows rows_of(const CollapsedShape& v) { return {v.outer, v.outer_stride}; }

/// y(r, o, c) = (x(r, o, c) - centre(c)) * scale(c) + shift(c)
template <typename Scalar, typename Source>
void normalise_columns(const Operand<const Scalar>& x, const Operand<Scalar>& y,
                       const Affine<Param<Scalar>>& affine, const Source& source,
                       const Part& part) {
  using P = Param<Scalar>;
  const CollapsedShape& v = x.shape;
  const Writer<Scalar> writer(v.size());
  StatisticTile<Stat<Scalar>> statistics;
  ForwardTile<P> tile;
  for (Index r = part.repeat_begin; r < part.repeat_end; ++r) {
    for (Index g = part.group_begin; g < part.group_end; g += groups_per_tile(v)) {
      const Index groups = std::min(groups_per_tile(v), part.group_end - g);
      source.of_columns(x, r, g, groups, statistics);
      const Index end = (g + groups) * v.group;
      for (Index c = g * v.group; c < end; c += tile_size) {
        const Index width = std::min(tile_size, end - c);
        for_each_lane(c, width, v.group, [&](Index l, Index k) {
          tile.set(l,
                   Forward<P>(statistics.at(k - g), affine.gamma_at(c + l), affine.beta_at(c + l)));
        });
        const RowFold fold(v.outer, width,
                           rows_of(v).is_dense(width) && rows_of(y.shape).is_dense(width));
        tile.repeat(fold);
        const Index ahead = following_row<Scalar>(v, width);
        for_each_row(fold, [&](Index o, Index lanes_of_row) {
          const Scalar* xs = x.at(r, c, o);
          Scalar* ys = y.at(r, c, o);
          for_each_pack<P>(lanes_of_row, [=, &tile](auto lanes, Index l) {
            if (ahead > 0) prefetch(xs + l, ahead);
            writer.template write<lanes.value>(ys + l, tile.template y<lanes.value>(xs, l));
          });
        });
      }
    }
  }
}

/// dx(r, o, c) = (gamma(c) * dy(r, o, c) + slope(c) * (x(r, o, c) - centre(c)) + offset(c)) *
/// inv_std(c), or gamma(c) * inv_std(c) * dy(r, o, c)
template <typename Scalar, typename Xhat, typename Source>
void backward_columns(const BackwardPass<Scalar, Xhat>& pass, const Source& source,
                      const Part& part) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const auto &x = pass.x, &dy = pass.dy;
  const CollapsedShape& v = x.shape;
  const Writer<Scalar> writer(v.size());
  const AffineSums<S> sums = pass.sums(part.piece);
  StatisticTile<S> statistics;
  StandardiseTile<P, sum_tile_size> standardise;
  Tile<GradientSums<S>> t;
  BackwardTile<P> coefficients;
  const Shares<S> share = pass.shares();
  for (Index r = part.repeat_begin; r < part.repeat_end; ++r) {
    for (Index g = part.group_begin; g < part.group_end; g += groups_per_tile(v)) {
      const Index groups = std::min(groups_per_tile(v), part.group_end - g);
      const Index begin = g * v.group, end = begin + groups * v.group;
      source.of_columns(x, r, g, groups, statistics);

      for (Index k = 0; k < groups; ++k) t[k] = pass.known_sums(r, g + k);
      for (Index c = begin; pass.needs_sums() && c < end; c += sum_tile_size) {
        const Index width = std::min(sum_tile_size, end - c);
        for_each_lane(c, width, v.group, [&](Index l, Index k) {
          standardise.set(l, pass.xhat.of_channel(pass.standardise(statistics.at(k - g)), c + l));
        });
        const LaneGradientSums<S> lanes = lane_gradient_sums(x.at(r, c), rows_of(v), dy.at(r, c),
                                                             rows_of(dy.shape), width, standardise);
        for_each_lane(c, width, v.group, [&](Index l, Index k) {
          sums.add(c + l, lanes.at(l));
          t[k - g].add(lanes.at(l), S(pass.affine.gamma_at(c + l)));
        });
      }

      for (Index c = begin; pass.writes() && c < end; c += tile_size) {
        const Index width = std::min(tile_size, end - c);
        for_each_lane(c, width, v.group, [&](Index l, Index k) {
          const Backward<P> b =
              pass.xhat.of_channel(pass.coefficients(statistics.at(k - g), t[k - g], share), c + l);
          const P gamma = pass.affine.gamma_at(c + l);
          coefficients.set(l, b,
                           pass.through_statistics ? gamma : scale_only(b.inv_std, gamma).scale);
        });
        const RowFold fold(v.outer, width,
                           rows_of(v).is_dense(width) && rows_of(dy.shape).is_dense(width) &&
                               rows_of(pass.dx.shape).is_dense(width));
        coefficients.repeat(fold);
        const Index ahead = following_row<Scalar>(v, width);
        const Index dy_ahead = following_row<Scalar>(dy.shape, width);
        for_each_row(fold, [&](Index o, Index lanes_of_row) {
          const Scalar *xs = x.at(r, c, o), *dys = dy.at(r, c, o);
          Scalar* dxs = pass.dx.at(r, c, o);
          const bool through_statistics = pass.through_statistics;
          for_each_pack<P>(lanes_of_row, [=, &coefficients](auto lanes, Index l) {
            constexpr int size = lanes.value;
            if (ahead > 0) prefetch(xs + l, ahead);
            if (dy_ahead > 0) prefetch(dys + l, dy_ahead);
            if (through_statistics) {
              writer.template write<size>(dxs + l, coefficients.template dx<size>(xs, dys, l));
            } else {
              writer.template write<size>(dxs + l, coefficients.template dx<size>(dys, l));
            }
          });
        });
      }
    }
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/lane_loop.hpp

/// The lane loop: each of the adjacent elements has its own statistic, all have one gamma and beta.
/// Column-major LayerNorm and GroupNorm.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// y(r, c, o) = ((x(r, c, o) - centre(r)) * inv_std(r) + rest(r)) * gamma(c) + beta(c), r adjacent
template <typename Scalar, typename Source>
void normalise_lanes(const Operand<const Scalar>& x, const Operand<Scalar>& y,
                     const Affine<Param<Scalar>>& affine, const Source& source, const Part& part) {
  using P = Param<Scalar>;
  const CollapsedShape& v = x.shape;
  const Writer<Scalar> writer(v.size());
  StatisticTile<Stat<Scalar>> statistics;
  StandardiseTile<P> tile;
  for (Index r = part.repeat_begin; r < part.repeat_end; r += tile_size) {
    const Index width = std::min(tile_size, part.repeat_end - r);
    for (Index g = part.group_begin; g < part.group_end; ++g) {
      source.of_lanes(x, r, width, g, statistics);
      for (Index l = 0; l < width; ++l) {
        tile.set(l, Standardise<P>(statistics.at(l)));
      }
      for (Index c = g * v.group; c < (g + 1) * v.group; ++c) {
        const P gamma = affine.gamma_at(v.affine_index(c));
        const P beta = affine.beta_at(v.affine_index(c));
        for (Index o = 0; o < v.outer; ++o) {
          const Scalar* xs = x.at(r, c, o);
          Scalar* ys = y.at(r, c, o);
          for_each_pack<P>(width, [=, &tile](auto lanes, Index l) {
            writer.template write<lanes.value>(
                ys + l, tile.template xhat<lanes.value>(xs, l) * gamma + beta);
          });
        }
      }
    }
  }
}

/// dx(r, c, o) = (gamma(c) * dy(r, c, o) + slope(r) * (x(r, c, o) - centre(r)) + offset(r)) *
/// inv_std(r)
template <typename Scalar, typename Xhat, typename Source>
void backward_lanes(const BackwardPass<Scalar, Xhat>& pass, const Source& source,
                    const Part& part) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const auto &x = pass.x, &dy = pass.dy;
  const CollapsedShape& v = x.shape;
  const AffineSums<S> sums = pass.sums(part.piece);
  const Writer<Scalar> writer(v.size());
  StatisticTile<S> statistics;
  StandardiseTile<P> tile;
  BackwardTile<P> coefficients;
  Tile<S> t1, t2;
  const Shares<S> share = pass.shares();
  for (Index r = part.repeat_begin; r < part.repeat_end; r += tile_size) {
    const Index width = std::min(tile_size, part.repeat_end - r);
    for (Index g = part.group_begin; g < part.group_end; ++g) {
      source.of_lanes(x, r, width, g, statistics);
      for (Index l = 0; l < width; ++l) {
        tile.set(l, pass.standardise(statistics.at(l)));
      }

      for (Index l = 0; l < width; ++l) {
        const GradientSums<S> known = pass.known_sums(r + l, g);
        t1[l] = known.dy;
        t2[l] = known.dy_xhat;
      }
      for (Index c = g * v.group; pass.needs_sums() && c < (g + 1) * v.group; ++c) {
        const Index a = v.affine_index(c);
        const S gamma = S(pass.affine.gamma_at(a));
        for (Index o = 0; o < v.outer; ++o) {
          const auto xs = pass.xhat.line(x.at(r, c, o), a);
          const Scalar* dys = dy.at(r, c, o);
          auto line = GradientSums<S>::zero();
          for_each_pack<P>(width, [&](auto lanes, Index l) {
            constexpr int size = lanes.value;
            const Pack<S, size> d = load<S, size>(dys + l);
            const Pack<S, size> dy_xhat = d * tile.template xhat<size>(xs, l).template as<S>();
            line += {d.sum(), dy_xhat.sum()};
            store<size>(t1.data() + l, load<S, size>(t1.data() + l) + gamma * d);
            store<size>(t2.data() + l, load<S, size>(t2.data() + l) + gamma * dy_xhat);
          });
          sums.add(a, line);
        }
      }
      for (Index l = 0; l < width; ++l) {
        const GradientSums<S> t{t1[l], t2[l]};
        coefficients.set(l, pass.coefficients(statistics.at(l), t, share));
      }

      for (Index c = g * v.group; pass.writes() && c < (g + 1) * v.group; ++c) {
        const Index a = v.affine_index(c);
        const P gamma = pass.affine.gamma_at(a);
        for (Index o = 0; o < v.outer; ++o) {
          const auto xs = pass.xhat.line(x.at(r, c, o), a);
          const Scalar* dys = dy.at(r, c, o);
          Scalar* dxs = pass.dx.at(r, c, o);
          for_each_pack<P>(width, [=, &coefficients](auto lanes, Index l) {
            constexpr int size = lanes.value;
            const Pack<P, size> scaled = gamma * load<P, size>(dys + l);
            writer.template write<size>(dxs + l, coefficients.template dx<size>(scaled, xs, l));
          });
        }
      }
    }
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/row_loop.hpp

/// The row loop: adjacent elements share the statistic, each has its own gamma and beta. LayerNorm,
/// RMSNorm, GroupNorm on (N, C).

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Rows worked on together, at most.
inline constexpr Index most_rows = 64;

/// Rows of `size` elements together: their statistics are finished together.
inline Index rows_per_block(const CollapsedShape& v, Index size) {
  return std::clamp<Index>(size / v.group, 1, most_rows);
}

/// y(r, c) = ((x(r, c) - centre) * inv_std + rest) * gamma(c) + beta(c)
template <typename Scalar, typename Source>
void normalise_rows(const Operand<const Scalar>& x, const Operand<Scalar>& y,
                    const Affine<Param<Scalar>>& affine, const Source& source, const Part& part) {
  using P = Param<Scalar>;
  const CollapsedShape& v = x.shape;
  AffineTile<P> tile(affine, v.channels);
  const Writer<Scalar> writer(v.size());
  // No more: reading waits while a block is computed. 16-bit data wait less for the memory.
  const Index per_block = rows_per_block(v, Index{sizeof(Scalar) == 2 ? 4096 : 1024});
  const Index next_block = per_block * v.repeat_stride * Index{sizeof(Scalar)};
  StatisticTile<Stat<Scalar>> statistics;
  for (Index first = part.repeat_begin; first < part.repeat_end; first += per_block) {
    const Index rows = std::min(per_block, part.repeat_end - first);
    for (Index g = part.group_begin; g < part.group_end; ++g) {
      source.of_rows(x, first, rows, g, statistics);
      const Index end = (g + 1) * v.group;
      for (Index j = 0; j < rows; ++j) {
        const Standardise<P> s(statistics.at(j));
        for (Index c = g * v.group; c < end; c += tile_size) {
          const P *gamma = tile.gamma(c), *beta = tile.beta(c);
          const Scalar* xs = x.at(first + j, c);
          Scalar* ys = y.at(first + j, c);
          for_each_pack<P>(std::min(tile_size, end - c), [=](auto lanes, Index l) {
            constexpr int size = lanes.value;
            prefetch(xs + l, next_block);
            const Pack<P, size> xhat = (load<P, size>(xs + l) - s.centre) * s.inv_std + s.rest;
            writer.template write<size>(ys + l,
                                        xhat * load<P, size>(gamma + l) + load<P, size>(beta + l));
          });
        }
      }
    }
  }
}

/// One row of x and dy and what standardises it.
template <typename Scalar, typename Values>
struct BackwardRow {
  Values x;
  const Scalar* dy;
  const Standardise<Param<Scalar>>* s;

  BackwardRow operator+(Index n) const { return {x + n, dy + n, s}; }
};

/// dgamma(c) += sum_r dy(r, c) * xhat(r, c), dbeta(c) += sum_r dy(r, c), over rows [0, count) and
/// `width` lanes; by tiles, each done again in the wider type where `Compute` overflows.
template <typename Compute, typename Scalar, typename RowAt>
void add_affine_sums(Index count, Index width, const AffineSums<Stat<Scalar>>& sums,
                     const RowAt& row_at) {
  using S = Stat<Scalar>;
  LaneSums<S, 2> tile;
  for (Index c = 0; c < width; c += sum_tile_size) {
    const Index lanes = std::min(sum_tile_size, width - c);
    for (auto& sum : tile) sum.head(lanes).setConstant(S(0));
    add_rows<Compute>(
        0, count, lanes, std::array<S*, 2>{tile[0].data(), tile[1].data()},
        [&](Index j) { return row_at(j) + c; },
        [](auto lane_count, const auto& row, Index l) {
          constexpr int size = lane_count.value;
          const auto dy = load<Compute, size>(row.dy + l);
          const auto centred = load<Compute, size>(row.x + l) - Compute(row.s->centre);
          return terms(dy * (centred * Compute(row.s->inv_std) + Compute(row.s->rest)), dy);
        });
    if constexpr (!std::is_same_v<Compute, S>) {
      bool in_range = true;
      for (Index l = 0; l < lanes; ++l) in_range &= is_finite(tile[0][l]) && is_finite(tile[1][l]);
      if (!in_range) {
        add_affine_sums<S, Scalar>(count, lanes, {sums.gamma + c, sums.beta + c},
                                   [&](Index j) { return row_at(j) + c; });
        continue;
      }
    }
    for (Index l = 0; l < lanes; ++l) {
      sums.gamma[c + l] += tile[0][l];
      sums.beta[c + l] += tile[1][l];
    }
  }
}

/// dx(r, c) = (gamma(c) * dy(r, c) + slope * (x(r, c) - centre) + offset) * inv_std
template <typename Scalar, typename Xhat, typename Source>
void backward_rows(const BackwardPass<Scalar, Xhat>& pass, const Source& source, const Part& part) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  using Values = decltype(pass.xhat.row(pass.x.data, 0));
  const auto &x = pass.x, &dy = pass.dy;
  const CollapsedShape& v = x.shape;
  AffineTile<P> tile(pass.affine, v.channels);
  const AffineSums<S> sums = pass.sums(part.piece);
  const Writer<Scalar> writer(v.size());
  // As many as the second-level cache keeps: dgamma and dbeta are touched once for all of them.
  const Index per_block = rows_per_block(v, Index{1} << 15);
  StatisticTile<S> statistics;
  Tile<Standardise<P>, most_rows> s;
  Tile<GradientSums<S>, most_rows> t;
  Tile<Backward<P>, most_rows> b;
  const Shares<S> share = pass.shares();
  for (Index first = part.repeat_begin; first < part.repeat_end; first += per_block) {
    const Index rows = std::min(per_block, part.repeat_end - first);
    for (Index g = part.group_begin; g < part.group_end; ++g) {
      const Index begin = g * v.group, end = begin + v.group;
      source.of_rows(x, first, rows, g, statistics);
      const auto row_at = [&](Index j) {
        return BackwardRow<Scalar, Values>{pass.xhat.row(x.at(first + j, begin), begin),
                                           dy.at(first + j, begin), &s[j]};
      };
      for (Index j = 0; j < rows; ++j) s[j] = pass.standardise(statistics.at(j));
      for (Index j = 0; j < rows; ++j) {
        const auto row = row_at(j);
        t[j] = pass.given.exist() ? pass.known_sums(first + j, g)
                                  : row_gradient_sums(row.x, row.dy, v.group, s[j], [&](Index c) {
                                      return tile.gamma(begin + c);
                                    });
      }
      for (Index j = 0; j < rows; ++j) b[j] = pass.coefficients(statistics.at(j), t[j], share);
      if (pass.needs_sums() && sums.gamma != nullptr) {
        add_affine_sums<P, Scalar>(rows, v.group, {sums.gamma + begin, sums.beta + begin}, row_at);
      }
      for (Index j = 0; pass.writes() && j < rows; ++j) {
        const Backward<P> of_row = b[j];
        for (Index c = begin; c < end; c += tile_size) {
          const auto xs = pass.xhat.row(x.at(first + j, c), c);
          const Scalar* dys = dy.at(first + j, c);
          const P* gamma = tile.gamma(c);
          Scalar* dxs = pass.dx.at(first + j, c);
          for_each_pack<P>(std::min(tile_size, end - c), [=](auto lanes, Index l) {
            constexpr int size = lanes.value;
            const Pack<P, size> scaled = load<P, size>(gamma + l) * load<P, size>(dys + l);
            const Pack<P, size> centred = load<P, size>(xs + l) - of_row.centre;
            writer.template write<size>(
                dxs + l, (scaled + of_row.slope * centred + of_row.offset) * of_row.inv_std);
          });
        }
      }
    }
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/run_loop.hpp

/// The run loop: adjacent elements share the statistic, gamma and beta. BatchNorm2d, GroupNorm.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// y(i) = (x(i) - centre) * scale + shift
template <typename Scalar>
void normalise_line(const Scalar* x, Scalar* y, Index n, const Forward<Param<Scalar>> f,
                    const Writer<Scalar> writer) {
  using P = Param<Scalar>;
  const auto step = [=](auto lanes, Index i) {
    constexpr int size = lanes.value;
    writer.read_ahead(x + i);
    writer.template write<size>(y + i, (load<P, size>(x + i) - f.centre) * f.scale + f.shift);
  };
  const Index head = writer.head(y, n);
  if (head > 0) for_each_pack<P>(head, step);
  for_each_pack<P>(n, step, head);
}

/// Groups that are worked on together: as many as stay in the second-level cache between the visit
/// that reads them and the visit that writes, and a tile at most. One where a group is larger; a
/// tile where nothing is read beforehand.
template <typename Source>
Index groups_per_block(const CollapsedShape& v) {
  if (Source::by_channel) return groups_per_tile(v);
  constexpr Index cached = Index{1} << 16;  // elements
  const Index most = groups_per_tile(v);
  const Index least = has_short_runs(v) ? std::min(lines_together, most) : 1;
  return std::clamp(cached / v.values_per_statistic(), least, most);
}

/// f(c, o) for the channels [begin, end) and all o: the last o first, for what was
/// read last is the likeliest to be in the cache.
template <typename F>
void for_each_run(const CollapsedShape& v, Index begin, Index end, const F& f) {
  for (Index o = v.outer - 1; o >= 0; --o) {
    for (Index c = begin; c < end; ++c) f(c, o);
  }
}

/// y(r, c, o, i) = (x(r, c, o, i) - centre(c)) * scale(c) + shift(c)
template <typename Scalar, typename Source>
void normalise_runs(const Operand<const Scalar>& x, const Operand<Scalar>& y,
                    const Affine<Param<Scalar>>& affine, const Source& source, const Part& part) {
  using P = Param<Scalar>;
  const CollapsedShape& v = x.shape;
  StatisticTile<Stat<Scalar>> statistics;
  Tile<Forward<P>> coefficients;
  const Index per_block = groups_per_block<Source>(v);
  const Writer<Scalar> writer(v.size());
  for (Index r = part.repeat_begin; r < part.repeat_end; ++r) {
    for (Index g = part.group_begin; g < part.group_end; g += per_block) {
      const Index groups = std::min(per_block, part.group_end - g);
      source.of_runs(x, r, g, groups, statistics);
      const Index end = (g + groups) * v.group;
      for (Index c = g * v.group; c < end; c += tile_size) {
        const Index tile_end = std::min(c + tile_size, end);
        for (Index k = c; k < tile_end; ++k) {
          coefficients[k - c] =
              Forward<P>(statistics.at(k / v.group - g), affine.gamma_at(k), affine.beta_at(k));
        }
        for_each_run(v, c, tile_end, [&](Index k, Index o) {
          normalise_line(x.at(r, k, o), y.at(r, k, o), v.inner, coefficients[k - c], writer);
        });
      }
    }
  }
}

/// dx(i) = (gamma * dy(i) + slope * (x(i) - centre) + offset) * inv_std
template <typename Scalar>
void backward_line(const Scalar* x, const Scalar* dy, Scalar* dx, Index n,
                   const Param<Scalar> gamma, const Backward<Param<Scalar>> b,
                   const Writer<Scalar> writer) {
  using P = Param<Scalar>;
  const auto step = [=](auto lanes, Index i) {
    constexpr int size = lanes.value;
    writer.read_ahead(x + i);
    writer.read_ahead(dy + i);
    const Pack<P, size> centred = load<P, size>(x + i) - b.centre;
    writer.template write<size>(
        dx + i, (gamma * load<P, size>(dy + i) + b.slope * centred + b.offset) * b.inv_std);
  };
  const Index head = writer.head(dx, n);
  if (head > 0) for_each_pack<P>(head, step);
  for_each_pack<P>(n, step, head);
}

template <typename Scalar, typename Xhat, typename Source>
void backward_runs(const BackwardPass<Scalar, Xhat>& pass, const Source& source, const Part& part) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const auto &x = pass.x, &dy = pass.dy;
  const Operand<Scalar>& dx = pass.dx;
  const CollapsedShape& v = x.shape;
  const AffineSums<S> sums = pass.sums(part.piece);
  StatisticTile<S> statistics;
  Tile<Standardise<P>> standardise;
  Tile<GradientSums<S>> channel, t;
  Tile<Backward<P>> coefficients;
  const Shares<S> share = pass.shares();
  const Index per_block = groups_per_block<Source>(v);
  const Writer<Scalar> writer(v.size());
  for (Index r = part.repeat_begin; r < part.repeat_end; ++r) {
    for (Index g = part.group_begin; g < part.group_end; g += per_block) {
      const Index groups = std::min(per_block, part.group_end - g);
      source.of_runs(x, r, g, groups, statistics);
      const Index end = (g + groups) * v.group;
      for (Index k = 0; k < groups; ++k) t[k] = pass.known_sums(r, g + k);
      for (Index c = g * v.group; pass.needs_sums() && c < end; c += tile_size) {
        const Index width = std::min(tile_size, end - c);
        for_each_lane(c, width, v.group, [&](Index l, Index k) {
          standardise[l] = pass.xhat.of_channel(pass.standardise(statistics.at(k - g)), c + l);
        });
        channel_gradient_sums<Scalar>(
            {x.at(r, c), v.outer, v.outer_stride, v.inner}, v.channel_stride,
            {dy.at(r, c), v.outer, dy.shape.outer_stride, v.inner}, dy.shape.channel_stride, width,
            standardise.data(), channel.data());
        for_each_lane(c, width, v.group, [&](Index l, Index k) {
          sums.add(c + l, channel[l]);
          t[k - g].add(channel[l], S(pass.affine.gamma_at(c + l)));
        });
      }
      if (!pass.writes()) continue;
      for (Index k = 0; k < groups; ++k) {
        coefficients[k] = pass.coefficients(statistics.at(k), t[k], share);
      }
      for_each_run(v, g * v.group, end, [&](Index c, Index o) {
        const P gamma = pass.affine.gamma_at(c);
        const Backward<P>& b = pass.xhat.of_channel(coefficients[c / v.group - g], c);
        if (pass.through_statistics) {
          backward_line(x.at(r, c, o), dy.at(r, c, o), dx.at(r, c, o), v.inner, gamma, b, writer);
        } else {
          normalise_line(dy.at(r, c, o), dx.at(r, c, o), v.inner, scale_only(b.inv_std, gamma),
                         writer);
        }
      });
    }
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/backward.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// The backward pass, with the statistics of `source` that the forward pass had. With t1 and t2 the
/// sums of gamma * dy and gamma * dy * xhat over the m values of a statistic:
///
///     dx     = inv_std * (gamma * dy - t1 / m - xhat * t2 / m)    statistics of the batch
///     dx     = inv_std * gamma * dy                               statistics given
///     dgamma = sum(dy * xhat),   dbeta = sum(dy)
///
/// `pass.affine_sums` has room for `pieces` times dgamma and dbeta; the first of them is the
/// result.
template <typename Scalar, typename Xhat, typename Source>
void backward(BackwardPass<Scalar, Xhat> pass, const Source& source, Index pieces) {
  memory::merge_runs(pass.x, pass.dy, pass.dx);
  const memory::Loop loop = memory::common_loop(pass.x, pass.dy, pass.dx);
  const Index sums = 2 * pass.x.shape.channels;
  if (pass.affine_sums != nullptr) {
    std::fill_n(pass.affine_sums, sums * pieces, Stat<Scalar>(0));
  }
  Partition(pass.x.shape, loop, pieces).for_each([&](const Part& part) {
    switch (loop) {
      case memory::Loop::run:
        return backward_runs(pass, source, part);
      case memory::Loop::column:
        return backward_columns(pass, source, part);
      case memory::Loop::row:
        return backward_rows(pass, source, part);
      case memory::Loop::lane:
        return backward_lanes(pass, source, part);
    }
  });
  Writer<Scalar>(pass.x.shape.size()).finish();
  for (Index piece = 1; pass.affine_sums != nullptr && piece < pieces; ++piece) {
    for (Index i = 0; i < sums; ++i) pass.affine_sums[i] += pass.affine_sums[piece * sums + i];
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/kernels/normalise.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// The forward pass, y = (x - mean) * inv_std * gamma + beta, with the statistics of `source`. y
/// may be x.
template <typename Scalar, typename Source>
void normalise(Operand<const Scalar> x, Operand<Scalar> y, const Affine<Param<Scalar>>& affine,
               const Source& source) {
  memory::merge_runs(x, y);
  const memory::Loop loop = memory::common_loop(x, y);
  Partition(x.shape, loop, Partition::pieces(x.shape)).for_each([&](const Part& part) {
    switch (loop) {
      case memory::Loop::run:
        return normalise_runs(x, y, affine, source, part);
      case memory::Loop::column:
        return normalise_columns(x, y, affine, source, part);
      case memory::Loop::row:
        if constexpr (!Source::by_channel) normalise_rows(x, y, affine, source, part);
        return;
      case memory::Loop::lane:
        if constexpr (!Source::by_channel) normalise_lanes(x, y, affine, source, part);
        return;
    }
  });
  Writer<Scalar>(x.shape.size()).finish();
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/core/layer.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// What a call is about: a forward pass in the mode of the layer, inference, or a part of what is
/// normalised together, of which one value is no error.
enum class Purpose { forward, inference, part };

/// Whether an argument is a condition of the call, as opposed to an Eigen object.
template <typename T>
inline constexpr bool is_condition = false;

/// What all layers share: forward, infer and backward over anything Eigen. A layer says what is its
/// own:
///
///     name(), check_rank<Rank>(), wants_packed()      as Calls asks
///     check_input(shape, purpose)                     throws std::invalid_argument
///     collapse(layout, own_statistics)                how x's own statistics, or running ones, see
///                                                     the memory
///     uses_running(inference)                         true where it normalises by running ones
///     centred                                         false where no mean is taken away
///     normalise(x, y, shape), infer_into(x, y)        where its statistics come from
///     last_affine(), correct_sums(dgamma, dbeta)      the gamma and beta of the last forward, and
///                                                     what dgamma is where they were not its own
///     differentiate_into(x, dy, dx, xhat)             what backward does with the memory
///     forward_together(call), backward_together(call) what goes on around a call that several
///                                                     machines make together
///     exchange_statistics(x), exchange_sums(x, dy, xhat)
///                                                     what they tell each other in it, before y or
///                                                     dx is touched
///     remember_empty(shape)                           what it keeps of an empty x for backward
///     forward_purpose()                               whether x is all that is normalised together
///     parameter_place                                 "channel" or "feature", for error messages
template <typename Derived, typename Scalar_, int Size>
class Layer : public LayerState<Scalar_, Size>, protected Calls<Derived, Scalar_> {
  using State = LayerState<Scalar_, Size>;
  using Base = Calls<Derived, Scalar_>;
  friend Base;

 public:
  using typename State::P;
  using typename State::S;
  using typename State::Scalar;

  /// Normalises x as the mode says and remembers the statistics for backward.
  template <typename X>
  auto forward(const X& x) {
    typename memory::EigenObject<X>::Plain y;
    forward(x, y);
    return y;
  }

  /// The same into y: x itself, another object of its storage order (resized where it owns its
  /// memory), or a view of the right shape. Allocates nothing once warm.
  template <typename X, typename Y, std::enable_if_t<!is_condition<memory::Bare<Y>>, int> = 0>
  void forward(const X& x, Y&& y) {
    self().forward_together([&] {
      this->template transform<is_row_major<X>>(
          x, y, checked_for(self().forward_purpose()),
          [&](const ConstBuffer& in, const MutableBuffer& out) {
            const memory::Shape& shape = in.layout.shape;
            if (shape.size() == 0) return self().remember_empty(shape);
            const bool own = !self().uses_running(false);
            const ConstOperand from = operand(in, own);
            if (affine().any()) scratch(pieces(from));  // for backward, which allocates nothing
            self().normalise(from, operand(out, own), shape);
          },
          [&](const ConstBuffer& in) { self().exchange_statistics(in); });
    });
  }

  /// Inference whatever the mode; never changes the layer, safe from many threads at once.
  template <typename X>
  auto infer(const X& x) const {
    typename memory::EigenObject<X>::Plain y;
    infer(x, y);
    return y;
  }

  /// The same into y, as in forward. Allocates nothing.
  template <typename X, typename Y, std::enable_if_t<!is_condition<memory::Bare<Y>>, int> = 0>
  void infer(const X& x, Y&& y) const {
    const auto compute = [&](const ConstBuffer& in, const MutableBuffer& out) {
      if (in.layout.shape.size() == 0) return;
      const bool own = !self().uses_running(true);
      self().infer_into(operand(in, own), operand(out, own));
    };
    this->template transform<is_row_major<X>>(x, y, checked_for(Purpose::inference), compute);
  }

  /// The gradient by x of the last forward, given x and the gradient dy by its result; adds to
  /// gamma_grad and beta_grad. It answers that forward, its mode and its statistics, whatever
  /// train, eval or freeze came since, with the gamma of now.
  template <typename X, typename Dy>
  auto backward(const X& x, const Dy& dy) {
    typename memory::EigenObject<X>::Plain dx;
    backward(x, dy, dx);
    return dx;
  }

  /// The same into dx, which may be dy or x itself. Allocates nothing once warm.
  template <typename X, typename Dy, typename Dx,
            std::enable_if_t<!is_condition<memory::Bare<Dx>>, int> = 0>
  void backward(const X& x, const Dy& dy, Dx&& dx) {
    self().backward_together([&] {
      check_answerable("backward", false, false);
      answer("x of the last forward", x, dy, dx, kernels::XhatOfInput());
    });
  }

  /// The same gradients given y, the result of that forward, in the place of x: for networks that
  /// run in place and keep no x. gamma and beta must not have changed since, for
  /// xhat = (y - beta) / gamma. It is off by about eps * (|xhat| + |beta / gamma|), with eps that
  /// of y's rounding: see AffineInverse.
  ///
  /// Throws std::invalid_argument for a gamma too small to recover xhat, or whose product with
  /// inv_std is no normal number, and std::logic_error where a layer of fixed size has not kept its
  /// statistics: they cannot be taken from y again.
  template <typename Y, typename Dy>
  auto backward_from_output(const Y& y, const Dy& dy) {
    typename memory::EigenObject<Y>::Plain dx;
    backward_from_output(y, dy, dx);
    return dx;
  }

  /// The same into dx, which may be dy or y itself. Allocates nothing once warm, which it is after
  /// its first call.
  template <typename Y, typename Dy, typename Dx>
  void backward_from_output(const Y& y, const Dy& dy, Dx&& dx) {
    self().backward_together([&] {
      const bool masked = last().masked, per_sample = last().per_sample;
      check_answerable("backward_from_output", masked, per_sample);
      if (masked || per_sample) {
        memory::raise_logic(
            self().name() +
            ": backward_from_output cannot answer a forward with a mask or a scale and "
            "shift per sample, backward can");
      }
      answer("y of the last forward", y, dy, dx, invert_affine());
    });
  }

 protected:
  using CallsBase = Base;
  using ConstOperand = memory::Operand<const Scalar>;
  using MutableOperand = memory::Operand<Scalar>;
  using typename Base::ConstBuffer;
  using typename Base::MutableBuffer;

  template <typename X>
  static constexpr bool is_row_major = memory::EigenObject<X>::row_major;

  using State::affine;
  using State::eps;
  using State::inverse;
  using State::last;
  using State::scratch;
  using State::State;

  /// Normalises by x's own statistics and remembers them; `var` gets the variances where it is not
  /// null.
  void normalise_by_own(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape,
                        S* var = nullptr) {
    last().begin(shape, true);
    last().resize(x.shape.statistics());
    S* const mean = last().is_kept() ? last().mean.data() : nullptr;
    S* const inv_std = last().is_kept() ? last().inv_std.data() : nullptr;
    normalise_keeping({mean, inv_std, var}, x, y);
  }

  /// The same, and only writes them where `keep` says.
  void normalise_keeping(const kernels::KeptStatistics<S>& keep, const ConstOperand& x,
                         const MutableOperand& y) const {
    kernels::normalise(x, y, affine().view(),
                       kernels::FromData<Scalar>(eps(), keep, Derived::centred));
  }

  /// Normalises by running statistics.
  void normalise_by(const kernels::StatisticsOfRunning<Scalar>& running, const ConstOperand& x,
                    const MutableOperand& y) const {
    kernels::normalise(x, y, affine().view(), kernels::FromRunning<Scalar>(running));
  }

  static constexpr bool centred = true;
  static constexpr bool uses_running(bool) { return false; }
  void normalise(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape) {
    normalise_by_own(x, y, shape);
  }
  void infer_into(const ConstOperand& x, const MutableOperand& y) const {
    normalise_keeping({}, x, y);
  }

  static constexpr const char* parameter_place = "channel";
  kernels::Affine<P> last_affine() { return affine().view(); }
  static void correct_sums(S*, const S*) {}
  template <typename Call>
  static void forward_together(const Call& call) {
    call();
  }
  template <typename Call>
  static void backward_together(const Call& call) {
    call();
  }
  void remember_empty(const memory::Shape& shape) { last().begin(shape, last().own_statistics); }
  static void exchange_statistics(const ConstBuffer&) {}
  template <typename Xhat>
  static void exchange_sums(const ConstBuffer&, const ConstBuffer&, const Xhat&) {}
  static constexpr Purpose forward_purpose() { return Purpose::forward; }

  /// dx, and dgamma and dbeta added to those of the layer.
  template <typename Xhat>
  void differentiate_into(const ConstOperand& x, const ConstOperand& dy, const MutableOperand& dx,
                          const Xhat& xhat) {
    const Index count = pieces(x);
    S* const sums = affine().any() ? scratch(count) : nullptr;
    const kernels::BackwardPass<Scalar, Xhat> pass{
        x, dy, dx, self().last_affine(), last().own_statistics, sums, Derived::centred, {}, xhat};
    if (last().is_kept()) {
      kernels::backward(
          pass, kernels::FromForward<Scalar>({last().mean.data(), last().inv_std.data()}), count);
    } else if constexpr (Size != Eigen::Dynamic && Xhat::of_input) {
      kernels::backward(pass, kernels::FromData<Scalar>(eps(), {}, Derived::centred), count);
    }
    if (sums == nullptr) return;
    self().correct_sums(sums, sums + affine().size());
    affine().accumulate(sums, sums + affine().size());
  }

  template <typename T>
  memory::Operand<T> operand(const memory::Buffer<T>& buffer, bool own_statistics) const {
    return {buffer.data, self().collapse(buffer.layout, own_statistics)};
  }

  /// Pieces that sums over samples are cut into for threads; a layer without heap memory has one.
  static Index pieces(const ConstOperand& x) {
    return kernels::Partition::pieces(x.shape,
                                      Size == Eigen::Dynamic ? kernels::Partition::most_pieces : 1);
  }

  bool by_running(bool inference) const { return self().uses_running(inference); }

  /// The check of x's shape, before anything is done.
  auto checked_for(Purpose purpose) const {
    return [this, purpose](const memory::Shape& shape) {
      self().check_input(shape, purpose);
      check_parameters();
    };
  }

  void check_parameters() const {
    if (!affine().is_consistent()) {
      memory::raise_invalid(self().name() + ": expected gamma, beta and their gradients of " +
                            std::to_string(affine().size()) +
                            " values each, got one of another size");
    }
  }

  /// There was a forward, under the same conditions, and the parameters are in order.
  void check_answerable(const char* call, bool masked, bool per_sample) const {
    if (!last().is_answerable()) {
      memory::raise_logic(self().name() + ": " + call + " needs a forward before it");
    }
    check_condition(call, "mask", last().masked, masked);
    check_condition(call, "scale and shift per sample", last().per_sample, per_sample);
    check_parameters();
  }
  void check_last(const char* x_name, const memory::Shape& shape) const {
    this->check_shape(x_name, last().shape, shape);
  }

 private:
  const Derived& self() const { return static_cast<const Derived&>(*this); }
  Derived& self() { return static_cast<Derived&>(*this); }

  /// The gradients of the last forward, with xhat as it is found in x.
  template <typename X, typename Dy, typename Dx, typename Xhat>
  void answer(const char* x_name, const X& x, const Dy& dy, Dx& dx, const Xhat& xhat) {
    this->template differentiate<is_row_major<X>>(
        x, dy, dx, [&](const memory::Shape& shape) { check_last(x_name, shape); },
        [&](const ConstBuffer& in, const ConstBuffer& gradient, const MutableBuffer& out) {
          if (in.layout.shape.size() == 0) return;
          const bool own = last().own_statistics;
          self().differentiate_into(operand(in, own), operand(gradient, own), operand(out, own),
                                    xhat);
        },
        [&](const ConstBuffer& in, const ConstBuffer& gradient) {
          self().exchange_sums(in, gradient, xhat);
        });
  }

  /// How xhat is found in the result of the last forward.
  kernels::XhatOfOutput<P> invert_affine() {
    if (last().shape.size() == 0) return {};
    if (!last().is_kept()) {
      memory::raise_logic(self().name() +
                          ": backward_from_output needs the statistics of the last forward, but a "
                          "layer of fixed size keeps " +
                          std::to_string(Size) + " of them at most");
    }
    const memory::CollapsedShape view =
        self().collapse(memory::Layout::packed(last().shape, true), last().own_statistics);
    const std::string refusal =
        inverse().take_or_refuse(self().last_affine(), view.channels, view.group,
                                 last().inv_std.view(), Derived::parameter_place);
    if (!refusal.empty()) memory::raise_invalid(self().name() + ": " + refusal);
    return inverse().xhat();
  }

  void check_condition(const char* call, const char* what, bool of_forward,
                       bool of_backward) const {
    if (of_forward == of_backward) return;
    memory::raise_logic(
        self().name() +
        (of_forward ? ": " + std::string(call) + " needs the " + what + " of the last forward"
                    : ": the last forward had no " + std::string(what)));
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/core/per_sample.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// A scale and a shift for each sample, in the place of gamma and beta: conditional BatchNorm (de
/// Vries et al. 2017, arXiv:1707.00683), adaptive LayerNorm. Both are (N, C), or (N, D) for a layer
/// over D trailing elements; an empty one counts as 1 or 0. backward adds to their gradients, which
/// `zero_grad` makes as large and clears.
///
///     y(n, c, ...) = xhat(n, c, ...) * scale(n, c) + shift(n, c)
template <typename P>
struct PerSample {
  using Table = Eigen::Array<P, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  Table scale, shift;
  Table scale_grad = {}, shift_grad = {};

  /// Adds the sums behind the gradients of one sample.
  template <typename S>
  void accumulate(Index sample, const S* dscale, const S* dshift) {
    add(dscale, sample, scale_grad);
    add(dshift, sample, shift_grad);
  }

  void zero_grad() {
    scale_grad.setZero(scale.rows(), scale.cols());
    shift_grad.setZero(shift.rows(), shift.cols());
  }

  /// Row `sample` of a table, or null where it is empty.
  static const P* row(const Table& table, Index sample) {
    return table.size() == 0 ? nullptr : table.data() + sample * table.cols();
  }

 private:
  template <typename S>
  static void add(const S* sums, Index sample, Table& gradient) {
    for (Index c = 0; c < gradient.cols(); ++c) {
      gradient(sample, c) = static_cast<P>(S(gradient(sample, c)) + sums[c]);
    }
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/core/mask.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Which elements count towards the statistics, where some are padding. All of them are normalised
/// (the rule of Keras). For layers over channels it has the shape of x without the channels,
/// (N, spatial...); for LayerNorm and RMSNorm that of x.
class Mask {
 public:
  /// From an Eigen array or tensor: what is true, or not zero, counts. A vector has one dimension.
  template <typename X>
  explicit Mask(const X& valid) {
    if constexpr (memory::EigenObject<X>::has_memory) {
      check_countable(memory::EigenObject<X>::shape(valid));
    }
    const memory::Input<X, true> in(valid, true);
    shape_ = in.shape();
    if constexpr (memory::is_dense<X>) {
      if constexpr (X::IsVectorAtCompileTime) shape_ = {shape_.size()};
    }
    const auto* places = in.buffer().data;
    for (Index i = 0, size = shape_.size(); i < size; ++i) {
      using Scalar = typename memory::EigenObject<X>::Scalar;
      if (places[i] == Scalar(0)) continue;
      const Index begin = i;
      while (i < size && places[i] != Scalar(0)) ++i;
      spans_.push_back({begin, i});
    }
  }

  /// Sequences that are padded to one length: (N, length), of which the first lengths[n] count.
  /// Throws std::invalid_argument where one is negative or longer, or where N * length is more than
  /// an Index holds.
  static Mask of_lengths(const std::vector<Index>& lengths, Index length) {
    Mask mask;
    mask.shape_ = {static_cast<Index>(lengths.size()), length};
    check_countable(mask.shape_);
    Index begin = 0;
    for (const Index valid : lengths) {
      if (valid < 0 || valid > length) {
        memory::raise_invalid("Mask: expected lengths from 0 to " + std::to_string(length) +
                              ", got " + std::to_string(valid));
      }
      if (valid > 0) mask.spans_.push_back({begin, begin + valid});
      begin += length;
    }
    return mask;
  }

  const memory::Shape& shape() const { return shape_; }

  /// Elements that count, of the places [begin, end) in row-major order.
  Index count(Index begin, Index end) const {
    Index result = 0;
    for_each_span(begin, end, [&](Index b, Index e, bool valid) { result += valid ? e - b : 0; });
    return result;
  }

  /// f(begin, end, valid) for all stretches of places that are alike, of [begin, end).
  template <typename F>
  void for_each_span(Index begin, Index end, const F& f) const {
    auto span = std::upper_bound(spans_.begin(), spans_.end(), begin,
                                 [](Index place, const Span& s) { return place < s.end; });
    for (Index place = begin; place < end;) {
      const Index next = span == spans_.end() ? end : std::min(end, std::max(place, span->begin));
      if (place < next) f(place, next, false);
      if (next == end) return;
      const Index past = std::min(end, span->end);
      f(next, past, true);
      place = past;
      ++span;
    }
  }

 private:
  struct Span {
    Index begin, end;
  };

  Mask() = default;

  static void check_countable(const memory::Shape& shape) {
    if (!shape.is_countable()) {
      memory::raise_invalid("Mask: expected a shape of a size within Index, got " + shape.text());
    }
  }

  memory::Shape shape_;
  std::vector<Span> spans_;  ///< in order, with gaps between them
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/kernels/statistics.hpp

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// The statistics of x alone, where they are wanted before anything is normalised: `source` writes
/// each where it is told to.
template <typename Scalar>
void statistics(Operand<const Scalar> x, const FromData<Scalar>& source) {
  memory::merge_runs(x);
  const CollapsedShape& v = x.shape;
  const memory::Loop loop = v.loop();
  const bool along_groups = loop == memory::Loop::run || loop == memory::Loop::column;
  const Index rows = loop == memory::Loop::row ? lines_together : tile_size;
  Partition(v, loop, Partition::pieces(v)).for_each([&](const Part& part) {
    StatisticTile<Stat<Scalar>> tile;
    for (Index r = part.repeat_begin; along_groups && r < part.repeat_end; ++r) {
      for (Index g = part.group_begin; g < part.group_end; g += tile_size) {
        const Index count = std::min(tile_size, part.group_end - g);
        if (loop == memory::Loop::run) source.of_runs(x, r, g, count, tile);
        if (loop == memory::Loop::column) source.of_columns(x, r, g, count, tile);
      }
    }
    for (Index r = part.repeat_begin; !along_groups && r < part.repeat_end; r += rows) {
      const Index count = std::min(rows, part.repeat_end - r);
      for (Index g = part.group_begin; g < part.group_end; ++g) {
        if (loop == memory::Loop::row) source.of_rows(x, r, count, g, tile);
        if (loop == memory::Loop::lane) source.of_lanes(x, r, count, g, tile);
      }
    }
  });
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels

// === eigen_norm/core/units.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// x cut into units, the largest pieces with statistics, a scale and a shift of their own, or a
/// line of the mask: all of it, a sample, or a row of LayerNorm, along which its mask goes.
/// Row-major.
class Units {
 public:
  /// `per_sample`: each of them has a scale and a shift of its own.
  Units(const memory::CollapsedShape& view, Index samples, bool masked, bool along_channels,
        bool per_sample)
      : share_statistics_(view.repeats == 1 && !along_channels),
        along_channels_(along_channels),
        samples_(share_statistics_ && !per_sample ? 1 : samples),
        count_(masked && along_channels ? view.repeats : samples_),
        repeats_(share_statistics_ ? 1 : view.repeats / count_),
        run_(view.inner > 1 ? view.inner : view.outer),
        groups_(view.groups()),
        places_(along_channels ? view.channels : view.outer * view.inner * view.repeats / count_),
        values_per_place_(along_channels ? 1 : view.group) {}

  Index count() const { return count_; }
  Index samples() const { return samples_; }
  Index sample_of(Index unit) const { return unit * samples_ / count_; }
  Index first_unit(Index sample) const { return sample * (count_ / samples_); }
  bool share_statistics() const { return share_statistics_; }

  template <typename T>
  memory::Operand<T> unit(const memory::Operand<T>& x, Index u) const {
    if (count_ == 1) return x;
    return share_statistics_ ? x.positions(u * places_, (u + 1) * places_)
                             : x.repeats(u * repeats_, (u + 1) * repeats_);
  }
  template <typename T>
  memory::Operand<T> sample(const memory::Operand<T>& x, Index n) const {
    if (count_ == samples_) return unit(x, n);
    return x.repeats(first_unit(n) * repeats_, first_unit(n + 1) * repeats_);
  }

  /// Where a unit's statistics begin among those of all.
  Index first_statistic(Index u) const { return share_statistics_ ? 0 : u * repeats_ * groups_; }

  /// f(a part of each of these operands of unit u, its first channel, whether it counts)
  template <typename F, typename... Ts>
  void for_each_part(const Mask* mask, Index u, const F& f,
                     const memory::Operand<Ts>&... of_unit) const {
    if (mask == nullptr) return f(of_unit..., Index{0}, true);
    const Index first = u * places_;
    mask->for_each_span(first, first + places_, [&](Index begin, Index end, bool valid) {
      begin -= first;
      end -= first;
      if (along_channels_) return f(of_unit.channels(begin, end)..., begin, valid);
      for (Index next; begin < end; begin = next) {
        next = std::min(end, begin - begin % run_ + run_);
        f(of_unit.positions(begin, next)..., Index{0}, valid);
      }
    });
  }

  /// Values that each of a unit's statistics is of.
  Index values(const Mask* mask, Index u) const {
    const Index first = share_statistics_ ? 0 : u;
    const Index last = share_statistics_ ? count_ : u + 1;
    const Index begin = first * places_, end = last * places_;
    return values_per_place_ * (mask == nullptr ? end - begin : mask->count(begin, end));
  }

  /// Mean and biased variance by statistic of what counts, merged part by part; both are 0 where
  /// nothing does. Not `centred`: the mean counts as 0 (RMSNorm).
  template <typename Scalar>
  void measure(const memory::Operand<const Scalar>& x, const Mask* mask, double eps, bool centred,
               Stat<Scalar>* mean, Stat<Scalar>* var) const {
    using S = Stat<Scalar>;
    if (mask == nullptr) {
      return kernels::statistics(x, kernels::FromData<Scalar>(eps, {mean, nullptr, var}, centred));
    }
    const Index size = x.shape.statistics();
    std::vector<kernels::Moments<S>> moments(static_cast<std::size_t>(size));
    Parameters<S> part_mean(groups_), part_var(groups_);
    for (Index u = 0; u < count_; ++u) {
      const auto add = [&](const memory::Operand<const Scalar>& part, Index, bool valid) {
        if (!valid) return;
        kernels::statistics(
            part, kernels::FromData<Scalar>(eps, {part_mean.data(), nullptr, part_var.data()}));
        const Index n = part.shape.values_per_statistic();
        for (Index g = 0; g < groups_; ++g) {
          moments[static_cast<std::size_t>(first_statistic(u) + g)].merge(
              {n, part_mean[g], part_var[g] * S(static_cast<double>(n))});
        }
      };
      for_each_part(mask, u, add, unit(x, u));
    }
    for (Index i = 0; i < size; ++i) {
      const kernels::Moments<S>& m = moments[static_cast<std::size_t>(i)];
      const S biased = m.count == 0 ? S(0) : m.biased_variance();
      mean[i] = centred ? m.mean : S(0);
      var[i] = centred ? biased : S(biased + m.mean * m.mean);
    }
    kernels::show_overflow(var, size);
  }

 private:
  bool share_statistics_;  ///< all units have the same: BatchNorm
  bool along_channels_;    ///< the mask tells channels of a unit apart: LayerNorm
  Index samples_, count_;
  Index repeats_;  ///< of x, in a unit
  Index run_;      ///< positions that a part may be of
  Index groups_;
  Index places_;            ///< of the mask, in each unit
  Index values_per_place_;  ///< of a statistic
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/core/unit_pass.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Forward and backward unit by unit, with the statistics of all of them given: the way of a Mask
/// and of a scale and shift PerSample.
template <typename Scalar>
class UnitPass {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  using ConstOperand = memory::Operand<const Scalar>;
  using MutableOperand = memory::Operand<Scalar>;

 public:
  /// `mask` and `per_sample` may be null; `own_statistics`: mean and inv_std are x's. Not
  /// `centred`: no mean was taken away (RMSNorm).
  UnitPass(const Units& units, const Mask* mask, const kernels::Affine<P>& affine,
           const PerSample<P>* per_sample, const S* mean, const S* inv_std, bool own_statistics,
           bool centred)
      : units_(units),
        mask_(mask),
        affine_(affine),
        per_sample_(per_sample),
        mean_(mean),
        inv_std_(inv_std),
        own_statistics_(own_statistics),
        centred_(centred) {}

  /// y(n, c, ...) = xhat(n, c, ...) * gamma(n, c) + beta(n, c)
  void normalise(const ConstOperand& x, const MutableOperand& y) const {
    if (per_sample_ == nullptr) return kernels::normalise(x, y, affine_, statistics(0));
    for (Index n = 0; n < units_.samples(); ++n) {
      kernels::normalise(units_.sample(x, n), units_.sample(y, n), affine_of(n),
                         statistics(units_.first_unit(n)));
    }
  }

  /// dx, and accumulate(sample, dgamma, dbeta), arrays by channel, for each sample that has a gamma
  /// and beta of its own, or once for all, as sample 0. With t1 and t2 the sums of gamma * dy and
  /// gamma * dy * xhat over all elements that share a statistic, of which M count and mask(i) = 1
  /// where i does:
  ///
  ///     dx(i) = inv_std * (gamma * dy(i) - mask(i) * (t1 + xhat(i) * t2) / M)
  template <typename Accumulate>
  void differentiate(const ConstOperand& x, const ConstOperand& dy, const MutableOperand& dx,
                     const Accumulate& accumulate) const {
    if (mask_ == nullptr && !units_.share_statistics()) {
      return differentiate_one_by_one(x, dy, dx, accumulate);
    }
    const Index channels = x.shape.channels;
    const Parameters<S> nothing = Parameters<S>::Zero(x.shape.statistics());
    Parameters<S> t1 = nothing, t2 = nothing, sums;
    SharedSums<Accumulate> shared(channels, per_sample_ != nullptr, accumulate);
    for (Index u = 0; u < units_.count(); ++u) {
      const ConstOperand xs = units_.unit(x, u), dys = units_.unit(dy, u);
      const kernels::Affine<P> affine = affine_of(units_.sample_of(u));
      const Index pieces = kernels::Partition::pieces(xs.shape);
      sums.resize(2 * channels * pieces);
      kernels::backward(
          kernels::BackwardPass<Scalar>{
              xs, dys, {nullptr, xs.shape}, affine, own_statistics_, sums.data()},
          statistics(u), pieces);
      const Index first = units_.first_statistic(u);
      for (Index g = 0; g < x.shape.groups(); ++g) {
        auto t = kernels::GradientSums<S>::zero();
        for (Index c = g * x.shape.group; c < (g + 1) * x.shape.group; ++c) {
          t.add({sums[channels + c], sums[c]}, S(affine.gamma_at(c)));
        }
        t1[first + g] += t.dy;
        t2[first + g] += t.dy_xhat;
      }
      shared.add(units_.sample_of(u), sums);
    }
    shared.finish();
    for (Index u = 0; u < units_.count(); ++u) {
      const Index first = units_.first_statistic(u);
      const Index values = std::max<Index>(1, units_.values(mask_, u));
      const auto write = [&](const ConstOperand& xs, const ConstOperand& dys,
                             const MutableOperand& dxs, Index channel, bool counts) {
        kernels::Affine<P> affine = affine_of(units_.sample_of(u));
        if (affine.gamma != nullptr) affine.gamma += channel;
        kernels::BackwardPass<Scalar> pass{xs,      dys,     dxs, affine, own_statistics_ && counts,
                                           nullptr, centred_};
        pass.given = {(counts ? t1 : nothing).data() + first,
                      (counts ? t2 : nothing).data() + first, values};
        kernels::backward(pass, statistics(u), 1);
      };
      units_.for_each_part(mask_, u, write, units_.unit(x, u), units_.unit(dy, u),
                           units_.unit(dx, u));
    }
  }

 private:
  /// dgamma and dbeta of units, added up in Stat for all that have the same gamma and beta: rounded
  /// to P unit by unit, a small one would be lost beside the sum of many.
  template <typename Accumulate>
  class SharedSums {
   public:
    SharedSums(Index channels, bool by_sample, const Accumulate& accumulate)
        : sums_(Parameters<S>::Zero(2 * channels)),
          by_sample_(by_sample),
          accumulate_(accumulate) {}

    /// Units come in the order of their samples.
    void add(Index sample, const Parameters<S>& unit) {
      if (by_sample_ && sample != sample_) {
        finish();
        sums_.setZero();
        sample_ = sample;
      }
      sums_ += unit.head(sums_.size());
    }
    void finish() const { accumulate_(sample_, sums_.data(), sums_.data() + sums_.size() / 2); }

   private:
    Parameters<S> sums_;
    Index sample_ = 0;
    bool by_sample_;
    const Accumulate& accumulate_;
  };

  /// The same where every unit has statistics of its own: both halves at once.
  template <typename Accumulate>
  void differentiate_one_by_one(const ConstOperand& x, const ConstOperand& dy,
                                const MutableOperand& dx, const Accumulate& accumulate) const {
    const Index channels = x.shape.channels;
    Parameters<S> sums;
    SharedSums<Accumulate> shared(channels, per_sample_ != nullptr, accumulate);
    for (Index u = 0; u < units_.count(); ++u) {
      const ConstOperand xs = units_.unit(x, u);
      const Index pieces = kernels::Partition::pieces(xs.shape);
      sums.resize(2 * channels * pieces);
      kernels::backward(
          kernels::BackwardPass<Scalar>{xs, units_.unit(dy, u), units_.unit(dx, u), affine_of(u),
                                        own_statistics_, sums.data(), centred_},
          statistics(u), pieces);
      shared.add(u, sums);
    }
    shared.finish();
  }

  kernels::Affine<P> affine_of(Index sample) const {
    if (per_sample_ == nullptr) return affine_;
    return {per_sample_->row(per_sample_->scale, sample),
            per_sample_->row(per_sample_->shift, sample)};
  }

  kernels::FromForward<Scalar> statistics(Index unit) const {
    const Index first = units_.first_statistic(unit);
    return kernels::FromForward<Scalar>({mean_ + first, inv_std_ + first});
  }

  Units units_;
  const Mask* mask_;
  kernels::Affine<P> affine_;
  const PerSample<P>* per_sample_;
  const S* mean_;
  const S* inv_std_;
  bool own_statistics_, centred_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/core/conditioned.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

template <>
inline constexpr bool is_condition<Mask> = true;
template <typename P>
inline constexpr bool is_condition<PerSample<P>> = true;
template <typename... Cs>
using IfConditions =
    std::enable_if_t<(sizeof...(Cs) > 0) && (is_condition<memory::Bare<Cs>> && ...), int>;
template <typename T>
using IfNone = std::enable_if_t<!is_condition<memory::Bare<T>>, int>;

/// Forward, infer and backward under conditions of the call: with a Mask, with a scale and shift
/// PerSample, or with both. Everything else is as without them; `backward` takes the conditions of
/// the forward that it answers.
///
/// Statistics come first, merged over the stretches of x that count; then x is normalised as by
/// given ones, sample by sample where each has a scale of its own. With M elements that count for a
/// statistic, mask(i) = 1 where i is one of them, and sums over all elements:
///
///     dx(i) = inv_std * (gamma * dy(i) - mask(i) * (t1 + xhat(i) * t2) / M)
///
/// Works in row-major order: column-major objects are copied. Layers of fixed size use heap memory
/// here.
template <typename Derived, typename Scalar, int Size>
class Conditioned : public Layer<Derived, Scalar, Size> {
  using Base = Layer<Derived, Scalar, Size>;

 public:
  using Base::backward;
  using Base::forward;
  using Base::infer;
  using typename Base::P;
  using typename Base::S;

  /// `conditions` are a const Mask&, a PerSample&, or both in this order; backward adds to the
  /// gradients of the latter.
  template <typename X, typename... Cs, IfConditions<Cs...> = 0>
  auto forward(const X& x, const Cs&... conditions) {
    typename memory::EigenObject<X>::Plain y;
    forward_under(Conditions(conditions...), x, y);
    return y;
  }
  template <typename X, typename Y, typename... Cs, IfConditions<Cs...> = 0, IfNone<Y> = 0>
  void forward(const X& x, Y&& y, const Cs&... conditions) {
    forward_under(Conditions(conditions...), x, y);
  }

  template <typename X, typename... Cs, IfConditions<Cs...> = 0>
  auto infer(const X& x, const Cs&... conditions) const {
    typename memory::EigenObject<X>::Plain y;
    infer_under(Conditions(conditions...), x, y);
    return y;
  }
  template <typename X, typename Y, typename... Cs, IfConditions<Cs...> = 0, IfNone<Y> = 0>
  void infer(const X& x, Y&& y, const Cs&... conditions) const {
    infer_under(Conditions(conditions...), x, y);
  }

  template <typename X, typename Dy, typename... Cs, IfConditions<Cs...> = 0>
  auto backward(const X& x, const Dy& dy, Cs&&... conditions) {
    check_gradients_are_kept<Cs...>();
    typename memory::EigenObject<X>::Plain dx;
    backward_under(Conditions(conditions...), x, dy, dx);
    return dx;
  }
  template <typename X, typename Dy, typename Dx, typename... Cs, IfConditions<Cs...> = 0,
            IfNone<Dx> = 0>
  void backward(const X& x, const Dy& dy, Dx&& dx, Cs&&... conditions) {
    check_gradients_are_kept<Cs...>();
    backward_under(Conditions(conditions...), x, dy, dx);
  }

 protected:
  using ConditionedBase = Conditioned;
  using Base::Base;
  using typename Base::ConstBuffer;
  using typename Base::ConstOperand;
  using typename Base::MutableBuffer;
  using typename Base::MutableOperand;

  using LayerBase = Base;

  /// What a layer may say otherwise: how many samples there are in x; whether a mask is of all
  /// elements of x, or of its positions; and what goes on with own and with running statistics.
  static Index samples(const memory::Shape& shape) { return shape[0]; }
  static constexpr bool mask_is_of_elements = false;
  void check_mask(const memory::Shape&, const Mask*, Purpose) const {}
  void take_in(const Units&, const Mask*, const Parameters<S>&, const Parameters<S>&) {}
  void read_running(Parameters<S>&, Parameters<S>&) const {}

 private:
  struct Conditions {
    const Mask* mask = nullptr;
    const PerSample<P>* affine = nullptr;
    PerSample<P>* gradients = nullptr;

    explicit Conditions(const Mask& m) : mask(&m) {}
    explicit Conditions(const PerSample<P>& a) : affine(&a) {}
    explicit Conditions(PerSample<P>& a) : affine(&a), gradients(&a) {}
    template <typename A>
    Conditions(const Mask& m, A& a) : Conditions(a) {
      mask = &m;
    }
  };

  template <typename... Cs>
  static void check_gradients_are_kept() {
    static_assert(
        ((std::is_same_v<memory::Bare<Cs>, Mask> ||
          (std::is_lvalue_reference_v<Cs> && !std::is_const_v<std::remove_reference_t<Cs>>)) &&
         ...),
        "eigen_norm: backward adds to the gradients of a PerSample: it must be neither "
        "const nor a temporary");
  }

  const Derived& self() const { return static_cast<const Derived&>(*this); }
  Derived& self() { return static_cast<Derived&>(*this); }

  Units units(const Conditions& given, const memory::CollapsedShape& view,
              const memory::Shape& shape) const {
    return {view, self().samples(shape), given.mask != nullptr, Derived::mask_is_of_elements,
            given.affine != nullptr};
  }

  void check_conditions(const Conditions& given, const memory::Shape& shape) const {
    if (given.mask != nullptr &&
        given.mask->shape().without_ones() != mask_shape(shape).without_ones()) {
      this->check_shape("a mask", mask_shape(shape), given.mask->shape());
    }
    if (given.affine == nullptr) return;
    if (this->affine().any()) {
      memory::raise_logic(self().name() +
                          ": a scale and shift per sample need a layer without gamma and beta");
    }
    check_table("scale", given.affine->scale, shape);
    check_table("shift", given.affine->shift, shape);
  }
  memory::Shape mask_shape(const memory::Shape& shape) const {
    if constexpr (Derived::mask_is_of_elements) {
      return shape;
    } else {
      return shape.without(self().channel_axis(shape.rank()));
    }
  }
  void check_table(const char* what, const typename PerSample<P>::Table& table,
                   const memory::Shape& shape) const {
    const memory::Shape expected{self().samples(shape), this->affine().size()};
    const memory::Shape got{table.rows(), table.cols()};
    if (table.size() > 0 && got != expected) this->raise_shape(what, expected.text(), got);
  }
  void check_gradients(const PerSample<P>& affine) const {
    const auto alike = [](const auto& a, const auto& b) {
      return a.rows() == b.rows() && a.cols() == b.cols();
    };
    if (!alike(affine.scale, affine.scale_grad) || !alike(affine.shift, affine.shift_grad)) {
      memory::raise_invalid(
          self().name() +
          ": expected scale_grad and shift_grad as large as scale and shift: call "
          "zero_grad() first");
    }
  }

  template <typename X, typename Y>
  void forward_under(const Conditions& given, const X& x, Y& y) {
    const auto check = [&](const memory::Shape& shape) {
      this->checked_for(given.mask != nullptr ? Purpose::part : Purpose::forward)(shape);
      check_conditions(given, shape);
      if (!this->by_running(false)) self().check_mask(shape, given.mask, Purpose::forward);
    };
    self().forward_together([&] {
      this->template transform<true>(
          x, y, check, [&](const ConstBuffer& in, const MutableBuffer& out) {
            const memory::Shape& shape = in.layout.shape;
            const bool own = !this->by_running(false);
            auto& last = this->last();
            last.begin(shape, own);
            last.masked = given.mask != nullptr;
            last.per_sample = given.affine != nullptr;
            if (shape.size() == 0) return;
            const ConstOperand from = this->operand(in, own);
            const Units parts = units(given, from.shape, shape);
            Parameters<S> mean(from.shape.statistics()), var(mean.size());
            const Parameters<S> inv_std = measure(parts, given, from, own, mean, var);
            last.resize(mean.size());
            if (last.is_kept()) {
              std::copy_n(mean.data(), mean.size(), last.mean.data());
              std::copy_n(inv_std.data(), mean.size(), last.inv_std.data());
            }
            pass(parts, given, own, mean, inv_std).normalise(from, this->operand(out, own));
            if (own) self().take_in(parts, given.mask, mean, var);
          });
    });
  }

  template <typename X, typename Y>
  void infer_under(const Conditions& given, const X& x, Y& y) const {
    const auto check = [&](const memory::Shape& shape) {
      this->checked_for(given.mask != nullptr ? Purpose::part : Purpose::inference)(shape);
      check_conditions(given, shape);
      if (!this->by_running(true)) self().check_mask(shape, given.mask, Purpose::inference);
    };
    this->template transform<true>(
        x, y, check, [&](const ConstBuffer& in, const MutableBuffer& out) {
          if (in.layout.shape.size() == 0) return;
          const bool own = !this->by_running(true);
          const ConstOperand from = this->operand(in, own);
          const Units parts = units(given, from.shape, in.layout.shape);
          Parameters<S> mean(from.shape.statistics()), var(mean.size());
          const Parameters<S> inv_std = measure(parts, given, from, own, mean, var);
          pass(parts, given, own, mean, inv_std).normalise(from, this->operand(out, own));
        });
  }

  template <typename X, typename Dy, typename Dx>
  void backward_under(const Conditions& given, const X& x, const Dy& dy, Dx& dx) {
    const auto check = [&](const memory::Shape& shape) {
      this->check_last("x of the last forward", shape);
      check_conditions(given, shape);
      if (given.gradients != nullptr) check_gradients(*given.gradients);
    };
    self().backward_together([&] {
      this->check_answerable("backward", given.mask != nullptr, given.affine != nullptr);
      this->template differentiate<true>(
          x, dy, dx, check,
          [&](const ConstBuffer& in, const ConstBuffer& gradient, const MutableBuffer& out) {
            if (in.layout.shape.size() == 0) return;
            const auto& last = this->last();
            const bool own = last.own_statistics;
            const ConstOperand from = this->operand(in, own);
            const Units parts = units(given, from.shape, in.layout.shape);
            Parameters<S> mean = last.mean.view(), inv_std = last.inv_std.view();
            if (!last.is_kept()) {
              Parameters<S> var(from.shape.statistics());
              mean.resize(var.size());
              inv_std = measure(parts, given, from, own, mean, var);
            }
            pass(parts, given, own, mean, inv_std)
                .differentiate(from, this->operand(gradient, own), this->operand(out, own),
                               [&](Index sample, const S* dgamma, const S* dbeta) {
                                 if (given.gradients != nullptr) {
                                   return given.gradients->accumulate(sample, dgamma, dbeta);
                                 }
                                 this->affine().accumulate(dgamma, dbeta);
                               });
          });
    });
  }

  UnitPass<Scalar> pass(const Units& parts, const Conditions& given, bool own,
                        const Parameters<S>& mean, const Parameters<S>& inv_std) const {
    return {parts,          given.mask, this->affine().view(), given.affine, mean.data(),
            inv_std.data(), own,        Derived::centred};
  }

  /// Mean, variance and inv_std, of x or running.
  Parameters<S> measure(const Units& parts, const Conditions& given, const ConstOperand& x,
                        bool own, Parameters<S>& mean, Parameters<S>& var) const {
    if (own) {
      parts.template measure<Scalar>(x, given.mask, this->eps(), Derived::centred, mean.data(),
                                     var.data());
    } else {
      self().read_running(mean, var);
    }
    Parameters<S> inv_std = var;
    kernels::inverse_std(inv_std.data(), inv_std.size(), this->eps());
    return inv_std;
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/core/running_statistics.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// The averages over batches that inference normalises with.
///
///     running = (1 - momentum) * running + momentum * batch
///
/// momentum is the weight of the new batch; without one it is 1 / (number of batches), the average
/// of all of them. Computed in Stat and rounded once.
template <typename Scalar, int Size>
class RunningStatistics {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;

 public:
  explicit RunningStatistics(Index size) {
    mean_.resize(size);
    var_.resize(size);
    reset();
  }

  Parameters<P, Size>& mean() { return mean_; }
  Parameters<P, Size>& var() { return var_; }
  const Parameters<P, Size>& mean() const { return mean_; }
  const Parameters<P, Size>& var() const { return var_; }
  Index& tracked() { return tracked_; }
  const Index& tracked() const { return tracked_; }
  Index skipped() const { return skipped_; }

  void reset() {
    mean_.setConstant(P(0));
    var_.setConstant(P(1));
    tracked_ = 0;
    skipped_ = 0;
  }

  /// Takes in one batch: mean and variance by channel, the one that is to be remembered. A batch
  /// that would leave a number that is not finite is skipped as a whole, and counted as skipped.
  void update(const S* batch_mean, const S* batch_var,
              const std::optional<double>& momentum_of_new) {
    const S momentum = S(momentum_of_new.value_or(1.0 / static_cast<double>(tracked_ + 1)));
    const S kept = S(1) - momentum;
    const auto average = [&](const P& running, const S& batch) {
      const S old_part = kept * S(running), new_part = momentum * batch;
      return static_cast<P>(old_part + new_part);
    };
    for (Index c = 0; c < mean_.size(); ++c) {
      if (!kernels::is_finite(batch_mean[c]) ||
          !kernels::is_finite(average(mean_[c], batch_mean[c])) ||
          !kernels::is_finite(average(var_[c], batch_var[c]))) {
        ++skipped_;
        return;
      }
    }
    for (Index c = 0; c < mean_.size(); ++c) {
      mean_[c] = average(mean_[c], batch_mean[c]);
      var_[c] = average(var_[c], batch_var[c]);
    }
    ++tracked_;
  }

  /// Takes these in their place; false, and nothing changes, where one would not be finite.
  bool set(const S* mean, const S* var) {
    for (Index c = 0; c < mean_.size(); ++c) {
      if (!kernels::is_finite(static_cast<P>(mean[c])) ||
          !kernels::is_finite(static_cast<P>(var[c])))
        return false;
    }
    for (Index c = 0; c < mean_.size(); ++c) {
      mean_[c] = static_cast<P>(mean[c]);
      var_[c] = static_cast<P>(var[c]);
    }
    return true;
  }

  /// What makes the variance to remember of the biased one of `count` values.
  static S correction(Index count, RunningVariance kind) {
    const S m = S(static_cast<double>(count));
    return kind == RunningVariance::unbiased ? S(m / (m - S(1))) : S(1);
  }

  /// As inference sees them.
  kernels::StatisticsOfRunning<Scalar> view(double eps) const {
    return {mean_.data(), var_.data(), eps};
  }

 private:
  Parameters<P, Size> mean_, var_;
  Index tracked_ = 0;
  Index skipped_ = 0;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/core/tracking_layer.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// What the layers over channels share that may keep running statistics: BatchNorm and
/// InstanceNorm. In training they normalise by the statistics of the data; in eval, in infer and
/// when frozen by the running ones, where they keep some.
///
/// A derived class says the rest of what Layer asks for, and:
///
///     class_name(), expected_input(rank), hint(shape)    for error messages
///     channel_axis(rank)                                 where the channels stand in such an input
///     has_one_value(shape), more_than_one_value          what training refuses, its opposite in
///                                                        words
///     check_batch(shape)                                 what else it does; nothing by default
///     normalise_batch(x, y, shape, var)                  in training, where statistics are by
///                                                        channel; as Layer does by default
template <typename Derived, typename Scalar, int Channels, typename Options>
class TrackingLayer : public Conditioned<Derived, Scalar, Channels> {
  using Base = Conditioned<Derived, Scalar, Channels>;
  friend Base;
  friend typename Base::LayerBase;
  friend typename Base::CallsBase;

 public:
  using typename Base::P;
  using typename Base::S;

  const Options& options() const { return options_; }
  Index num_features() const { return num_features_; }
  /// As error messages have it: "BatchNorm2d(64)".
  std::string name() const {
    return Derived::class_name() + "(" + std::to_string(num_features_) + ")";
  }

  /// Uses the running statistics and keeps them, whatever train() says, until unfreeze().
  void freeze() {
    check_tracking("freeze");
    frozen_ = true;
  }
  void unfreeze() { frozen_ = false; }
  bool is_frozen() const { return frozen_; }

  /// By channel; empty where the options say that none are tracked.
  Parameters<P, Channels>& running_mean() { return running_.mean(); }
  Parameters<P, Channels>& running_var() { return running_.var(); }
  const Parameters<P, Channels>& running_mean() const { return running_.mean(); }
  const Parameters<P, Channels>& running_var() const { return running_.var(); }

  /// Training batches taken into the running statistics, and those left out as not finite.
  Index& num_batches_tracked() { return running_.tracked(); }
  Index num_batches_tracked() const { return running_.tracked(); }
  Index num_batches_skipped() const { return running_.skipped(); }
  void reset_running_stats() { running_.reset(); }

  /// As LayerState::for_each_state, the running statistics included where some are tracked.
  template <typename F>
  void for_each_state(F&& f) {
    visit_state(*this, f);
  }
  template <typename F>
  void for_each_state(F&& f) const {
    visit_state(*this, f);
  }

  /// What inference by the running statistics does to each channel, y = x * scale + shift: to be
  /// folded into a neighbouring layer, say. Computed in Stat, or in T where that is wider, and
  /// rounded once, to T. Where a mean is many sigma from 0, infer itself is more accurate. Throws
  /// std::logic_error without running statistics.
  template <typename T = P>
  ChannelAffine<T, Channels> inference_affine() const {
    using Wide = std::common_type_t<S, Stat<T>>;
    check_tracking("inference_affine");
    this->check_parameters();
    check_running();
    const auto affine = this->affine().view();
    ChannelAffine<T, Channels> result;
    result.scale.resize(num_features_);
    result.shift.resize(num_features_);
    for (Index c = 0; c < num_features_; ++c) {
      const Wide var = Wide(running_.var()[c]), mean = Wide(running_.mean()[c]);
      const Wide scale = Wide(affine.gamma_at(c)) * kernels::inverse_std(var, options_.eps);
      const Wide moved = mean * scale;
      result.scale[c] = kernels::narrow<T>(scale);
      result.shift[c] = kernels::rounded<T>(Wide(Wide(affine.beta_at(c)) - moved));
    }
    return result;
  }

 protected:
  using TrackingBase = TrackingLayer;
  using typename Base::ConstOperand;
  using typename Base::MutableOperand;

  TrackingLayer(Index num_features, const Options& options)
      : Base(checked(num_features, options), options.eps, options.gamma, options.beta),
        num_features_(num_features),
        options_(options),
        running_(options.track_running_stats ? num_features : 0) {}
  ~TrackingLayer() = default;
  TrackingLayer(const TrackingLayer&) = default;
  TrackingLayer(TrackingLayer&&) noexcept = default;
  TrackingLayer& operator=(const TrackingLayer&) = default;
  TrackingLayer& operator=(TrackingLayer&&) noexcept = default;

  void check_tracking(const char* call) const {
    if (options_.track_running_stats) return;
    memory::raise_logic(name() + ": " + call +
                        " needs running statistics, but track_running_stats is false");
  }
  void check_running() const {
    if (options_.track_running_stats &&
        (running_.mean().size() != num_features_ || running_.var().size() != num_features_)) {
      memory::raise_invalid(name() + ": expected running_mean and running_var of " +
                            std::to_string(num_features_) + " values each, got " +
                            std::to_string(running_.mean().size()) + " and " +
                            std::to_string(running_.var().size()));
    }
  }
  RunningStatistics<Scalar, Channels>& running() { return running_; }
  Options& mutable_options() { return options_; }

  void check_batch(const memory::Shape&) const {}
  void normalise_batch(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape,
                       S* var) {
    this->normalise_by_own(x, y, shape, var);
  }

  bool uses_running(bool inference) const {
    return options_.track_running_stats && (inference || frozen_ || !this->is_training());
  }

  void normalise(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape) {
    if (uses_running(false)) return normalise_by_running(x, y, shape);
    if (!options_.track_running_stats) return this->normalise_by_own(x, y, shape);
    const S correction =
        running_.correction(x.shape.values_per_statistic(), options_.running_variance);
    if (x.shape.repeats > 1) return normalise_repeats(x, y, shape, correction);
    S* const var = this->scratch();
    self().normalise_batch(x, y, shape, var);
    remember(this->last().mean.data(), var, correction);
  }

  /// Takes mean and corrected variance into the running ones.
  void remember(const S* mean, S* var, const S& correction) {
    for (Index c = 0; c < num_features_; ++c) var[c] *= correction;
    running_.update(mean, var, options_.momentum);
  }

  /// "64, H, W" or "H, W, 64"
  std::string expected_channels(int spatial_rank) const {
    static const char* const names[] = {"", "L", "H, W", "D, H, W"};
    eigen_assert(0 <= spatial_rank && spatial_rank <= 3);
    const std::string spatial = names[spatial_rank];
    std::string channels = std::to_string(num_features_);
    if (spatial_rank == 0) return channels;
    return options_.channels == ChannelAxis::first ? channels + ", " + spatial
                                                   : spatial + ", " + channels;
  }

 private:
  const Derived& self() const { return static_cast<const Derived&>(*this); }
  Derived& self() { return static_cast<Derived&>(*this); }

  template <typename Self, typename F>
  static void visit_state(Self& self, F& f) {
    self.Base::for_each_state(f);
    if (!self.options_.track_running_stats) return;
    f(std::string_view("running_mean"), self.running_.mean());
    f(std::string_view("running_var"), self.running_.var());
    f(std::string_view("num_batches_tracked"), self.running_.tracked());
  }

  static Index checked(Index num_features, const Options& options) {
    check_size<Channels>(Derived::class_name(), "num_features", num_features);
    check_eps(Derived::class_name(), options.eps);
    return num_features;
  }

  void check_input(const memory::Shape& shape, Purpose purpose) const {
    if (shape[self().channel_axis(shape.rank())] != num_features_) {
      this->raise_shape("input", self().expected_input(shape.rank()), shape, self().hint(shape));
    }
    check_running();
    const bool inference = purpose == Purpose::inference;
    if (purpose == Purpose::part || uses_running(inference)) return;
    self().check_batch(shape);
    if (self().has_one_value(shape)) {
      const bool training = this->is_training() && !inference;
      this->raise_shape(Derived::more_than_one_value,
                        training ? "when training" : "without running statistics", shape);
    }
  }

  void normalise_by_running(const ConstOperand& x, const MutableOperand& y,
                            const memory::Shape& shape) {
    auto& last = this->last();
    last.resize(num_features_);
    last.begin(shape, false);
    const auto running = running_.view(options_.eps);
    for (Index c = 0; c < num_features_; ++c) {
      last.mean.data()[c] = running.at(c).mean;
      last.inv_std.data()[c] = running.at(c).inv_std;
    }
    infer_into(x, y);
  }

  /// In training, where each repeat has statistics of its own: the running ones take in their
  /// average, mean(c) = sum_r mean(r, c) / repeats, and var(c) likewise, by Welford's update: what
  /// all share is their average exactly.
  void normalise_repeats(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape,
                         const S& correction) {
    const Index repeats = x.shape.repeats;
    const auto array = [this](Index i) { return this->scratch(3) + i * num_features_; };
    S *const mean = array(0), *const var = array(1);
    auto& last = this->last();
    last.begin(shape, true);
    last.resize(x.shape.statistics());
    const kernels::KeptStatistics<S> one{array(2), array(3), array(4)};
    std::fill_n(mean, 2 * num_features_, S(0));
    for (Index r = 0; r < repeats; ++r) {
      this->normalise_keeping(one, x.repeat(r), y.repeat(r));
      const S seen = S(static_cast<double>(r + 1));
      for (Index c = 0; c < num_features_; ++c) {
        mean[c] += S((one.mean[c] - mean[c]) / seen);
        var[c] += S((one.var[c] - var[c]) / seen);
        if (!last.is_kept()) continue;
        last.mean.data()[r * num_features_ + c] = one.mean[c];
        last.inv_std.data()[r * num_features_ + c] = one.inv_std[c];
      }
    }
    remember(mean, var, correction);
  }

  /// The same from statistics under conditions, averaged over instances that have more than one
  /// value.
  void take_in(const Units& parts, const Mask* mask, const Parameters<S>& mean,
               const Parameters<S>& var) {
    if (!options_.track_running_stats) return;
    Parameters<S> batch_mean = Parameters<S>::Zero(num_features_), batch_var = batch_mean;
    Index instances = 0;
    for (Index u = 0; u < (parts.share_statistics() ? 1 : parts.count()); ++u) {
      const Index values = parts.values(mask, u), first = parts.first_statistic(u);
      if (values < 2) continue;
      const S seen = S(static_cast<double>(++instances));
      const S correction = running_.correction(values, options_.running_variance);
      batch_mean += (mean.segment(first, num_features_) - batch_mean) / seen;
      batch_var += (var.segment(first, num_features_) * correction - batch_var) / seen;
    }
    if (instances == 0) return;
    running_.update(batch_mean.data(), batch_var.data(), options_.momentum);
  }

  void read_running(Parameters<S>& mean, Parameters<S>& var) const {
    mean = running_.mean().template cast<S>();
    var = running_.var().template cast<S>();
  }

  void infer_into(const ConstOperand& x, const MutableOperand& y) const {
    if (!options_.track_running_stats) return this->normalise_keeping({}, x, y);
    this->normalise_by(running_.view(options_.eps), x, y);
  }

  Index num_features_;
  Options options_;
  RunningStatistics<Scalar, Channels> running_;
  bool frozen_ = false;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/core/split_batch.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// A training pass of BatchNorm in its four steps, for a batch that comes in parts: micro-batches
/// that together do not fit the memory, or the shares of several machines. The result is that of
/// the whole batch.
///
///     for each part:  statistics.merge(norm.batch_statistics(x));
///     norm.update_running_stats(statistics);
///     for each part:  norm.forward_by(statistics, x, y);
///     for each part:  gradients.merge(norm.gradient_sums(statistics, x, dy));
///     norm.accumulate(gradients);
///     for each part:  norm.backward_by(statistics, gradients, x, dy, dx);
///
/// The steps themselves remember nothing, and do not disturb what forward has remembered. They take
/// the statistics they are given, whatever the mode and virtual_batch_size are; with renorm there
/// are no such steps (std::logic_error), but statistics can be had and set.
template <typename Derived, typename Scalar, int Channels, typename Options>
class SplitBatch : public TrackingLayer<Derived, Scalar, Channels, Options> {
  using Base = TrackingLayer<Derived, Scalar, Channels, Options>;

 protected:
  using typename Base::ConstBuffer;
  using typename Base::MutableBuffer;

 public:
  using typename Base::P;
  using typename Base::S;
  using Statistics = BatchStatistics<S, Channels>;
  using Gradients = BatchGradients<S, Channels>;

  /// Those of x alone; count is 0 where x is empty.
  template <typename X>
  Statistics batch_statistics(const X& x) const {
    Statistics result;
    result.mean.setConstant(this->num_features(), S(0));
    result.m2.setConstant(this->num_features(), S(0));
    this->read(x, this->checked_for(Purpose::part), [&](const ConstBuffer& in) {
      if (in.layout.shape.size() == 0) return;
      const auto from = this->operand(in, false);
      kernels::statistics(from, kernels::FromData<Scalar>(
                                    this->eps(), {result.mean.data(), nullptr, result.m2.data()}));
      result.count = from.shape.values_per_statistic();
      result.m2 *= S(static_cast<double>(result.count));
    });
    return result;
  }

  /// y = (x - mean) / sqrt(var + eps) * gamma + beta with these mean and var.
  template <typename X>
  auto forward_by(const Statistics& statistics, const X& x) const {
    typename memory::EigenObject<X>::Plain y;
    forward_by(statistics, x, y);
    return y;
  }
  template <typename X, typename Y>
  void forward_by(const Statistics& statistics, const X& x, Y&& y) const {
    check_step(statistics);
    const Parameters<S, Channels> inv_std = this->inv_std(statistics);
    this->template transform<Base::template is_row_major<X>>(
        x, y, this->checked_for(Purpose::part),
        [&](const ConstBuffer& in, const MutableBuffer& out) {
          if (in.layout.shape.size() == 0) return;
          kernels::normalise(
              this->operand(in, false), this->operand(out, false), this->affine().view(),
              kernels::FromChannels<Scalar>({statistics.mean.data(), inv_std.data()}));
        });
  }

  /// dgamma and dbeta of x and dy alone. The layer's own are left as they are.
  template <typename X, typename Dy>
  Gradients gradient_sums(const Statistics& statistics, const X& x, const Dy& dy) const {
    check_step(statistics);
    const Parameters<S, Channels> inv_std = this->inv_std(statistics);
    Gradients result;
    result.dgamma.setConstant(this->num_features(), S(0));
    result.dbeta = result.dgamma;
    this->template read_gradient<Base::template is_row_major<X>>(
        x, dy, this->checked_for(Purpose::part),
        [&](const ConstBuffer& in, const ConstBuffer& gradient) {
          if (in.layout.shape.size() == 0) return;
          const auto from = this->operand(in, false);
          const Index pieces = Base::pieces(from);
          Parameters<S, Channels == Eigen::Dynamic ? Eigen::Dynamic : 2 * Channels> sums(
              2 * this->num_features() * pieces);
          kernels::backward(
              kernels::BackwardPass<Scalar>{from, this->operand(gradient, false),
                                            memory::Operand<Scalar>{nullptr, from.shape},
                                            this->affine().view(), true, sums.data()},
              kernels::FromForward<Scalar>({statistics.mean.data(), inv_std.data()}), pieces);
          result.dgamma = sums.head(this->num_features());
          result.dbeta = sums.segment(this->num_features(), this->num_features());
        });
    return result;
  }

  /// Adds them to gamma_grad and beta_grad.
  void accumulate(const Gradients& gradients) {
    check(gradients);
    this->check_parameters();
    this->affine().accumulate(gradients.dgamma.data(), gradients.dbeta.data());
  }

  /// The gradient by x, given the statistics and gradients of the whole batch, all in training.
  template <typename X, typename Dy>
  auto backward_by(const Statistics& statistics, const Gradients& gradients, const X& x,
                   const Dy& dy) const {
    typename memory::EigenObject<X>::Plain dx;
    backward_by(statistics, gradients, x, dy, dx);
    return dx;
  }
  template <typename X, typename Dy, typename Dx>
  void backward_by(const Statistics& statistics, const Gradients& gradients, const X& x,
                   const Dy& dy, Dx&& dx) const {
    check_step(statistics);
    check(gradients);
    this->check_parameters();
    const Parameters<S, Channels> inv_std = this->inv_std(statistics);
    Gradients scaled = gradients;
    for (Index c = 0; c < this->num_features(); ++c) {
      const S gamma = S(this->affine().view().gamma_at(c));
      scaled.dgamma[c] *= gamma;
      scaled.dbeta[c] *= gamma;
    }
    this->template differentiate<Base::template is_row_major<X>>(
        x, dy, dx, this->checked_for(Purpose::part),
        [&](const ConstBuffer& in, const ConstBuffer& gradient, const MutableBuffer& out) {
          if (in.layout.shape.size() == 0) return;
          const auto from = this->operand(in, false);
          kernels::BackwardPass<Scalar> pass{from,
                                             this->operand(gradient, false),
                                             this->operand(out, false),
                                             this->affine().view(),
                                             true,
                                             nullptr};
          pass.given = {scaled.dbeta.data(), scaled.dgamma.data(), statistics.count};
          kernels::backward(
              pass, kernels::FromForward<Scalar>({statistics.mean.data(), inv_std.data()}), 1);
        });
  }

  /// Takes in these statistics as those of one training batch.
  void update_running_stats(const Statistics& statistics) {
    this->check_tracking("update_running_stats");
    this->check_running();
    if (statistics.count == 0) return;
    check(statistics);
    const Parameters<S, Channels> var = remembered_var(statistics);
    this->running().update(statistics.mean.data(), var.data(), this->options().momentum);
  }

  /// Makes these statistics the running ones, in place of an average over batches: exact where they
  /// are those of a whole data set, each value of which counts alike however it was cut into
  /// batches. num_batches_tracked stays as it is: without a momentum, set it to the number of
  /// batches before you train on. Throws std::invalid_argument for numbers that are not finite.
  void set_running_stats(const Statistics& statistics) {
    this->check_tracking("set_running_stats");
    this->check_running();
    check(statistics);
    const Parameters<S, Channels> var = remembered_var(statistics);
    if (!this->running().set(statistics.mean.data(), var.data())) {
      memory::raise_invalid(this->name() + ": expected statistics that are finite");
    }
  }

 protected:
  using SplitBase = SplitBatch;
  using Base::Base;

 private:
  Parameters<S, Channels> inv_std(const Statistics& statistics) const {
    Parameters<S, Channels> result = statistics.var();
    kernels::show_overflow(result.data(), result.size());
    kernels::inverse_std(result.data(), result.size(), this->eps());
    return result;
  }

  Parameters<S, Channels> remembered_var(const Statistics& statistics) const {
    return this->options().running_variance == RunningVariance::unbiased ? statistics.unbiased_var()
                                                                         : statistics.var();
  }

  /// Of a step, as opposed to statistics that are only kept.
  void check_step(const Statistics& statistics) const {
    if (this->options().renorm) {
      memory::raise_logic(this->name() +
                          ": a batch in parts is not renormalised, but renorm is on");
    }
    check(statistics);
  }

  void check(const Statistics& statistics) const {
    check_size(statistics.mean.size(), "statistics");
    check_size(statistics.m2.size(), "statistics");
    if (statistics.count < 2) {
      memory::raise_invalid(this->name() +
                            ": expected statistics of more than 1 value per channel, got " +
                            std::to_string(statistics.count));
    }
  }
  void check(const Gradients& gradients) const {
    check_size(gradients.dgamma.size(), "gradients");
    check_size(gradients.dbeta.size(), "gradients");
  }
  void check_size(Index size, const char* what) const {
    if (size == this->num_features()) return;
    check_channels((this->name() + ": expected " + what).c_str(), this->num_features(), size);
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/core/batch_layer.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// What the layers over (N, C) and (N, C, spatial...) share that normalise by the statistics of a
/// batch: BatchNorm and, where a batch lies on several machines, SyncBatchNorm.
template <typename Derived, typename Scalar, int Channels, int SpatialRank>
class BatchLayer : public SplitBatch<Derived, Scalar, Channels, BatchNormOptions> {
  using Base = SplitBatch<Derived, Scalar, Channels, BatchNormOptions>;
  friend Base;
  friend typename Base::TrackingBase;
  friend typename Base::LayerBase;
  friend typename Base::ConditionedBase;
  friend typename Base::CallsBase;

 protected:
  using BatchBase = BatchLayer;
  using Base::Base;

  /// Parameters, running statistics and mode, of another layer over as many channels.
  template <typename From, typename To>
  static void copy_state(const From& from, To& to) {
    to.gamma() = from.gamma();
    to.beta() = from.beta();
    to.running_mean() = from.running_mean();
    to.running_var() = from.running_var();
    to.num_batches_tracked() = from.num_batches_tracked();
    to.train(from.is_training());
    if (from.is_frozen()) to.freeze();
  }

  template <int Rank>
  static void check_rank() {
    static_assert(SpatialRank != 1 || Rank == 2 || Rank == 3,
                  "eigen_norm: BatchNorm1d takes (N, C) or (N, C, L), a tensor of rank 2 or 3 or a "
                  "matrix with samples as rows");
    static_assert(SpatialRank != 2 || Rank == 4,
                  "eigen_norm: BatchNorm2d takes (N, C, H, W), a tensor of rank 4");
    static_assert(SpatialRank != 3 || Rank == 5,
                  "eigen_norm: BatchNorm3d takes (N, C, D, H, W), a tensor of rank 5");
  }

  std::string expected_input(int rank) const {
    return "(N, " + this->expected_channels(rank - 2) + ")";
  }
  std::string hint(const memory::Shape& shape) const {
    return transpose_hint(shape, this->num_features());
  }
  int channel_axis(int rank) const {
    return this->options().channels == ChannelAxis::first ? 1 : rank - 1;
  }

  static constexpr const char* more_than_one_value = "more than 1 value per channel";
  bool has_one_value(const memory::Shape& shape) const {
    return shape.size() == this->num_features();
  }
  void check_mask(const memory::Shape& shape, const Mask* mask, Purpose) const {
    if (mask == nullptr || mask->count(0, mask->shape().size()) != 1) return;
    this->raise_shape(more_than_one_value,
                      this->options().track_running_stats
                          ? "when training, under the mask"
                          : "under the mask, without running statistics",
                      shape);
  }

  memory::CollapsedShape collapse(const memory::Layout& layout, bool) const {
    return memory::CollapsedShape::over_batch(layout, this->options().channels);
  }
  static constexpr bool wants_packed() { return false; }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/core/renormalisation.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Batch renormalization (Ioffe 2017, arXiv:1702.03275): a training batch is normalised by its own
/// statistics, and then moved towards what the running ones would give:
///
///     y = (xhat * r + d) * gamma + beta
///     r = clip(std / running_std, 1 / r_max, r_max)
///     d = clip((mean - running_mean) / running_std, -d_max, d_max),   std = sqrt(var + eps)
///
/// r and d are constants to the gradient. So this is a pass with gamma * r and beta + gamma * d in
/// the place of gamma and beta.
template <typename Scalar, int Size>
class Renormalisation {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;

 public:
  /// Takes r and d of a batch with these statistics.
  void measure(const S* mean, const S* inv_std, Index size,
               const kernels::StatisticsOfRunning<Scalar>& running, const BatchRenorm& limits) {
    r_.resize(size);
    d_.resize(size);
    // inv_std is 0 for a standard deviation of 0, too: of the batch, where xhat is 0 whatever r is,
    // or of the running statistics, where the limits are all that is left.
    for (Index c = 0; c < size; ++c) {
      const kernels::Statistic<S> of_running = running.at(c);
      const S distance = mean[c] - of_running.mean;
      const bool is_infinite = S(running.var[c]) > S(0);
      if (of_running.inv_std == S(0) && !is_infinite) {
        r_[c] = inv_std[c] == S(0) ? S(1) : S(limits.r_max);
        d_[c] = S(distance == S(0) ? 0 : distance < S(0) ? -limits.d_max : limits.d_max);
        continue;
      }
      r_[c] = inv_std[c] == S(0)
                  ? S(1)
                  : clip(of_running.inv_std / inv_std[c], 1 / limits.r_max, limits.r_max);
      d_[c] = clip(distance * of_running.inv_std, -limits.d_max, limits.d_max);
    }
  }

  /// gamma * r and beta + gamma * d; valid until the next call.
  kernels::Affine<P> applied_to(const kernels::Affine<P>& affine) {
    gamma_.resize(r_.size());
    beta_.resize(r_.size());
    for (Index c = 0; c < r_.size(); ++c) {
      const S gamma = S(affine.gamma_at(c));
      const S gamma_d = gamma * d_[c];
      gamma_[c] = static_cast<P>(gamma * r_[c]);
      beta_[c] = static_cast<P>(S(affine.beta_at(c)) + gamma_d);
    }
    return {gamma_.data(), beta_.data()};
  }

  /// dgamma = sum(dy * (xhat * r + d)), in the place of sum(dy * xhat).
  void correct(S* dgamma, const S* dbeta) const {
    for (Index c = 0; c < r_.size(); ++c) {
      const S xhat_part = r_[c] * dgamma[c], d_part = d_[c] * dbeta[c];
      dgamma[c] = xhat_part + d_part;
    }
  }

  const Parameters<S, Size>& r() const { return r_; }
  const Parameters<S, Size>& d() const { return d_; }

 private:
  static S clip(const S& value, double least, double most) {
    return value < S(least) ? S(least) : value > S(most) ? S(most) : value;
  }

  Parameters<S, Size> r_, d_;
  Parameters<P, Size> gamma_, beta_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/batch_norm.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Batch normalization (Ioffe, Szegedy 2015, arXiv:1502.03167) over (N, C) and (N, C, spatial...):
///
///     y = (x - mean) / sqrt(var + eps) * gamma + beta
///
/// mean and var are those of each channel: in training of the batch, over samples and positions; in
/// eval the running ones. `freeze()` pins the running ones whatever train() says; gamma and beta
/// still learn.
///
/// With `virtual_batch_size` a batch is normalised in parts of so many samples, each by its own
/// statistics (ghost batches: Hoffer, Hubara, Soudry 2017, arXiv:1705.08741); the running ones take
/// in the average over them. With `renorm` training approaches what inference will do: see
/// Renormalisation.
///
/// Differs from torch.nn.BatchNorm in few things: a batch whose statistics are not finite never
/// enters the running ones (`num_batches_skipped` counts it), an empty batch is not counted, a
/// variance of 0 with eps = 0 gives beta, and another number of channels is always refused.
///
/// Throws std::invalid_argument for another shape, and for one value per channel, or a batch that
/// virtual_batch_size does not divide, wherever the batch's own statistics count: in training, and,
/// without running statistics, always.
template <typename Scalar, int Channels, int SpatialRank>
class BatchNorm
    : public BatchLayer<BatchNorm<Scalar, Channels, SpatialRank>, Scalar, Channels, SpatialRank> {
  using Base = BatchLayer<BatchNorm, Scalar, Channels, SpatialRank>;
  friend Base;
  friend typename Base::SplitBase;
  friend typename Base::TrackingBase;
  friend typename Base::LayerBase;
  friend typename Base::ConditionedBase;
  friend typename Base::CallsBase;
  using typename Base::ConstOperand;
  using typename Base::MutableOperand;
  using typename Base::P;
  using typename Base::S;

 public:
  explicit BatchNorm(Index num_features, const BatchNormOptions& options = {})
      : Base(num_features, options) {
    check_options(options);
  }

  /// Where the number of channels is fixed at compile time.
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  BatchNorm() : BatchNorm(C) {}
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  explicit BatchNorm(const BatchNormOptions& options) : BatchNorm(C, options) {}

  /// Other limits for batch renormalization, which are best widened while training goes on.
  void set_renorm(const BatchRenorm& limits) {
    BatchNormOptions options = this->options();
    options.renorm = limits;
    check_options(options);
    this->mutable_options() = options;
  }

 private:
  static std::string class_name() { return "BatchNorm" + std::to_string(SpatialRank) + "d"; }

  bool has_one_value(const memory::Shape& shape) const {
    const Index parts = shape[0] / this->options().virtual_batch_size.value_or(shape[0] + 1);
    return shape.size() == this->num_features() * std::max<Index>(1, parts);
  }
  void check_batch(const memory::Shape& shape) const {
    const Index size = this->options().virtual_batch_size.value_or(1);
    if (shape[0] % size != 0) {
      this->raise_shape("a batch that", "virtual_batch_size " + std::to_string(size) + " divides",
                        shape);
    }
  }
  void check_mask(const memory::Shape& shape, const Mask* mask, Purpose purpose) const {
    if (this->options().virtual_batch_size || this->options().renorm) {
      memory::raise_logic(this->name() +
                          ": a mask, or a scale and shift per sample, goes with neither "
                          "virtual_batch_size nor renorm");
    }
    Base::check_mask(shape, mask, purpose);
  }
  void check_options(const BatchNormOptions& options) const {
    if (options.virtual_batch_size.value_or(1) < 1) {
      memory::raise_invalid(this->name() + ": expected virtual_batch_size of at least 1, got " +
                            std::to_string(*options.virtual_batch_size));
    }
    if (!options.renorm) return;
    if (!(options.renorm->r_max >= 1) || !(options.renorm->d_max >= 0)) {
      memory::raise_invalid(
          this->name() + ": expected renorm with r_max >= 1 and d_max >= 0, got " +
          std::to_string(options.renorm->r_max) + " and " + std::to_string(options.renorm->d_max));
    }
    if (!options.track_running_stats || options.virtual_batch_size) {
      memory::raise_invalid(this->name() +
                            ": expected renorm with running statistics and without "
                            "virtual_batch_size");
    }
  }

  memory::CollapsedShape collapse(const memory::Layout& layout, bool own_statistics) const {
    const auto& samples = this->options().virtual_batch_size;
    if (!own_statistics || !samples) return Base::collapse(layout, own_statistics);
    return memory::CollapsedShape::over_parts_of_batch(layout, this->options().channels, *samples);
  }

  void normalise_batch(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape,
                       S* var) {
    renormalised_ = this->options().renorm.has_value();
    if (!renormalised_) return Base::normalise_batch(x, y, shape, var);
    auto& last = this->last();
    last.begin(shape, true);
    last.resize(this->num_features());
    S *const mean = last.mean.data(), *const inv_std = last.inv_std.data();
    kernels::statistics(x, kernels::FromData<Scalar>(this->eps(), {mean, inv_std, var}));
    renorm_.measure(mean, inv_std, this->num_features(), this->running().view(this->eps()),
                    *this->options().renorm);
    kernels::normalise(x, y, renorm_.applied_to(this->affine().view()),
                       kernels::FromChannels<Scalar>({mean, inv_std}));
  }

  bool is_renormalised() const { return renormalised_ && this->last().own_statistics; }
  kernels::Affine<P> last_affine() {
    const kernels::Affine<P> affine = this->affine().view();
    return is_renormalised() ? renorm_.applied_to(affine) : affine;
  }
  void correct_sums(S* dgamma, const S* dbeta) {
    if (is_renormalised()) renorm_.correct(dgamma, dbeta);
  }

  Renormalisation<Scalar, Channels> renorm_;
  bool renormalised_ = false;  ///< the last training batch was
};

/// (N, C) or (N, C, L); channels last: (N, L, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using BatchNorm1d = BatchNorm<Scalar, Channels, 1>;

/// (N, C, H, W); channels last: (N, H, W, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using BatchNorm2d = BatchNorm<Scalar, Channels, 2>;

/// (N, C, D, H, W); channels last: (N, D, H, W, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using BatchNorm3d = BatchNorm<Scalar, Channels, 3>;

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/group_norm.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Group normalization (Wu, He 2018, arXiv:1803.08494) over (N, C) and (N, C, spatial...):
///
///     y = (x - mean) / sqrt(var + eps) * gamma + beta
///
/// mean and var (biased) are those of each sample and group of C / num_groups consecutive channels,
/// over all its positions; gamma and beta are by channel. The same in training and in eval, as
/// torch.nn.GroupNorm, and independent of the batch.
///
/// Throws std::invalid_argument for channels that num_groups does not divide, and another shape.
template <typename Scalar, int Channels = Eigen::Dynamic>
class GroupNorm : public Conditioned<GroupNorm<Scalar, Channels>, Scalar, Channels> {
  using Base = Conditioned<GroupNorm, Scalar, Channels>;
  friend Base;
  friend typename Base::LayerBase;
  friend typename Base::CallsBase;

 public:
  GroupNorm(Index num_groups, Index num_channels, const GroupNormOptions& options = {})
      : Base(checked(num_groups, num_channels, options), options.eps, options.gamma, options.beta),
        num_groups_(num_groups),
        num_channels_(num_channels),
        options_(options) {}

  /// Where the number of channels is fixed at compile time.
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  GroupNorm() : GroupNorm(1, C) {}
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  explicit GroupNorm(Index num_groups, const GroupNormOptions& options = {})
      : GroupNorm(num_groups, C, options) {}

  const GroupNormOptions& options() const { return options_; }
  Index num_groups() const { return num_groups_; }
  Index num_channels() const { return num_channels_; }
  /// As error messages have it: "GroupNorm(32, 512)".
  std::string name() const {
    return "GroupNorm(" + std::to_string(num_groups_) + ", " + std::to_string(num_channels_) + ")";
  }

 private:
  static Index checked(Index num_groups, Index num_channels, const GroupNormOptions& options) {
    check_size<Channels>("GroupNorm", "num_channels", num_channels);
    check_size<Eigen::Dynamic>("GroupNorm", "num_groups", num_groups);
    if (num_channels % num_groups != 0) {
      memory::raise_invalid("GroupNorm: expected num_channels divisible by num_groups, got " +
                            std::to_string(num_channels) + " channels in " +
                            std::to_string(num_groups) + " groups");
    }
    check_eps("GroupNorm", options.eps);
    return num_channels;
  }

  template <int Rank>
  static void check_rank() {
    static_assert(
        Rank >= 2,
        "eigen_norm: GroupNorm takes (N, C) or (N, C, ...), a tensor of rank 2 or more or "
        "a matrix with samples as rows");
  }

  void check_input(const memory::Shape& shape, Purpose) const {
    const bool first = options_.channels == ChannelAxis::first;
    if (shape[channel_axis(shape.rank())] != num_channels_) {
      const std::string channels = std::to_string(num_channels_);
      const std::string expected = shape.rank() == 2 ? "(N, " + channels + ")"
                                   : first           ? "(N, " + channels + ", ...)"
                                                     : "(N, ..., " + channels + ")";
      this->raise_shape("input", expected, shape, transpose_hint(shape, num_channels_));
    }
  }

  int channel_axis(int rank) const {
    return options_.channels == ChannelAxis::first ? 1 : rank - 1;
  }
  memory::CollapsedShape collapse(const memory::Layout& layout, bool) const {
    return memory::CollapsedShape::over_samples(layout, options_.channels, num_groups_);
  }
  static constexpr bool wants_packed() { return false; }

  Index num_groups_;
  Index num_channels_;
  GroupNormOptions options_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/instance_norm.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Instance normalization (Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022) over
/// (N, C, spatial...), and over one sample (C, spatial...):
///
///     y = (x - mean) / sqrt(var + eps) * gamma + beta
///
/// mean and var (biased) are those of each sample and channel, over its positions. As in
/// torch.nn.InstanceNorm, gamma and beta, one for each channel, are off by default, and so are
/// running statistics; with them eval, infer and a frozen layer normalise every sample alike, as
/// BatchNorm does:
///
///     running = (1 - momentum) * running + momentum * (mean over the samples of the batch)
///
/// Differs from torch.nn.InstanceNorm in that batches taken into the running statistics are counted
/// (num_batches_tracked), that momentum may be absent (their average over all batches), and in what
/// BatchNorm does differently.
///
/// Throws std::invalid_argument for another shape (of channels too, where there is no gamma), and
/// for one position wherever an instance's own statistics count: in training, and, without running
/// statistics, always.
template <typename Scalar, int Channels, int SpatialRank>
class InstanceNorm : public TrackingLayer<InstanceNorm<Scalar, Channels, SpatialRank>, Scalar,
                                          Channels, InstanceNormOptions> {
  using Base = TrackingLayer<InstanceNorm, Scalar, Channels, InstanceNormOptions>;
  friend Base;
  friend typename Base::LayerBase;
  friend typename Base::ConditionedBase;
  friend typename Base::CallsBase;

 public:
  explicit InstanceNorm(Index num_features, const InstanceNormOptions& options = {})
      : Base(num_features, options) {}

  /// Where the number of channels is fixed at compile time.
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  InstanceNorm() : InstanceNorm(C) {}
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  explicit InstanceNorm(const InstanceNormOptions& options) : InstanceNorm(C, options) {}

 private:
  static constexpr int unbatched_rank = SpatialRank + 1;

  static std::string class_name() { return "InstanceNorm" + std::to_string(SpatialRank) + "d"; }

  template <int Rank>
  static void check_rank() {
    constexpr bool fits = Rank == unbatched_rank || Rank == unbatched_rank + 1;
    static_assert(SpatialRank != 1 || fits,
                  "eigen_norm: InstanceNorm1d takes (N, C, L), a tensor of rank 3, or (C, L)");
    static_assert(
        SpatialRank != 2 || fits,
        "eigen_norm: InstanceNorm2d takes (N, C, H, W), a tensor of rank 4, or (C, H, W)");
    static_assert(SpatialRank != 3 || fits,
                  "eigen_norm: InstanceNorm3d takes (N, C, D, H, W), a tensor of rank 5, or "
                  "(C, D, H, W)");
  }

  std::string expected_input(int rank) const {
    return (rank == unbatched_rank ? "(" : "(N, ") + this->expected_channels(SpatialRank) + ")";
  }
  static std::string hint(const memory::Shape&) { return ""; }
  int channel_axis(int rank) const {
    return this->options().channels == ChannelAxis::last ? rank - 1 : rank - unbatched_rank;
  }

  static Index samples(const memory::Shape& shape) {
    return shape.rank() == unbatched_rank ? 1 : shape[0];
  }

  static constexpr const char* more_than_one_value = "more than 1 spatial element";
  bool has_one_value(const memory::Shape& shape) const {
    return samples(shape) > 0 && shape.size() == samples(shape) * this->num_features();
  }

  /// One statistic for each sample and channel, or, by running statistics, for each channel.
  memory::CollapsedShape collapse(const memory::Layout& layout, bool own_statistics) const {
    const ChannelAxis axis = this->options().channels;
    if (layout.shape.rank() == 2) {  // one sample is a matrix whose rows or columns are channels
      return memory::CollapsedShape::over_batch(
          axis == ChannelAxis::last ? layout : layout.transposed(), ChannelAxis::first);
    }
    const memory::Layout batch = layout.shape.rank() == unbatched_rank ? layout.as_batch() : layout;
    return own_statistics ? memory::CollapsedShape::over_samples(batch, axis, this->num_features())
                          : memory::CollapsedShape::over_batch(batch, axis);
  }
  static constexpr bool wants_packed() { return false; }
};

/// (N, C, L) or (C, L); channels last: (N, L, C) or (L, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using InstanceNorm1d = InstanceNorm<Scalar, Channels, 1>;

/// (N, C, H, W) or (C, H, W); channels last: (N, H, W, C) or (H, W, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using InstanceNorm2d = InstanceNorm<Scalar, Channels, 2>;

/// (N, C, D, H, W) or (C, D, H, W); channels last: (N, D, H, W, C) or (D, H, W, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using InstanceNorm3d = InstanceNorm<Scalar, Channels, 3>;

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/core/trailing_layer.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// What the layers over the trailing dimensions share: LayerNorm and RMSNorm. gamma and beta have
/// one number for each element of `normalized_shape`, flat, in row-major order whatever x's storage
/// order.
///
/// A derived class says `class_name()`, and `Settings settings(options)`.
template <typename Derived, typename Scalar, int Features, typename Options>
class TrailingLayer : public Conditioned<Derived, Scalar, Features> {
  using Base = Conditioned<Derived, Scalar, Features>;
  friend Base;
  friend typename Base::LayerBase;
  friend typename Base::CallsBase;

 public:
  using typename Base::P;
  using typename Base::S;

  explicit TrailingLayer(Index features, const Options& options = {})
      : TrailingLayer(memory::Shape{features}, options) {}
  TrailingLayer(std::initializer_list<Index> normalized_shape, const Options& options = {})
      : TrailingLayer(shape_of(normalized_shape), options) {}
  explicit TrailingLayer(const std::vector<Index>& normalized_shape, const Options& options = {})
      : TrailingLayer(shape_of(normalized_shape), options) {}

  /// Where the number of features is fixed at compile time.
  template <int F = Features, std::enable_if_t<F != Eigen::Dynamic, int> = 0>
  TrailingLayer() : TrailingLayer(Index{F}) {}
  template <int F = Features, std::enable_if_t<F != Eigen::Dynamic, int> = 0>
  explicit TrailingLayer(const Options& options) : TrailingLayer(Index{F}, options) {}

  const Options& options() const { return options_; }
  std::vector<Index> normalized_shape() const {
    std::vector<Index> dimensions;
    dimensions.reserve(static_cast<std::size_t>(shape_.rank()));
    for (int axis = 0; axis < shape_.rank(); ++axis) dimensions.push_back(shape_[axis]);
    return dimensions;
  }
  /// As error messages have it: "LayerNorm({56, 56})".
  std::string name() const {
    const std::string list = shape_.list();
    return Derived::class_name() + (shape_.rank() == 1 ? "(" + list + ")" : "({" + list + "})");
  }

  /// What is done to each element of a normalised row, y = xhat * scale + shift: gamma and beta, 1
  /// and 0 where there are none, and 1 + gamma of a zero-centred one. Computed in Stat, or in T
  /// where that is wider, and rounded once, to T.
  template <typename T = P>
  ChannelAffine<T, Features> feature_affine() const {
    using Wide = std::common_type_t<S, Stat<T>>;
    this->check_parameters();
    const auto affine = this->affine().view();
    ChannelAffine<T, Features> result;
    result.scale.setConstant(shape_.size(), T(1));
    result.shift.setConstant(shape_.size(), T(0));
    for (Index i = 0; i < this->gamma().size(); ++i) {
      result.scale[i] =
          kernels::rounded<T>(Wide(Wide(affine.gamma[i]) + Wide(affine.gamma_offset)));
    }
    for (Index i = 0; i < this->beta().size(); ++i) {
      result.shift[i] = kernels::rounded<T>(affine.beta[i]);
    }
    return result;
  }

 protected:
  /// The options as every such layer understands them.
  struct Settings {
    double eps;
    bool gamma, beta;
    bool zero_centered_gamma;
  };

 private:
  static constexpr const char* parameter_place = "feature";

  TrailingLayer(const memory::Shape& shape, const Options& options)
      : TrailingLayer(shape, options, Derived::settings(options)) {}
  TrailingLayer(const memory::Shape& shape, const Options& options, const Settings& settings)
      : Base(checked(shape, settings.eps), settings.eps, settings.gamma, settings.beta,
             P(settings.zero_centered_gamma ? 1 : 0)),
        shape_(shape),
        options_(options) {}

  template <typename Dimensions>
  static memory::Shape shape_of(const Dimensions& dimensions) {
    memory::Shape shape;
    for (const Index dimension : dimensions) shape.push_back(dimension);
    return shape;
  }

  static Index checked(const memory::Shape& shape, double eps) {
    const std::string name = Derived::class_name();
    if (shape.rank() == 0) {
      memory::raise_invalid(name + ": expected normalized_shape of at least 1 dimension, got ()");
    }
    for (int axis = 0; axis < shape.rank(); ++axis) {
      check_size<Eigen::Dynamic>(name, "every dimension of normalized_shape", shape[axis]);
    }
    if (!shape.is_countable()) {
      memory::raise_invalid(name + ": expected normalized_shape of a size within Index, got " +
                            shape.text());
    }
    if (Features != Eigen::Dynamic && shape.rank() != 1) {
      memory::raise_invalid(name + ": expected 1 dimension of " + std::to_string(Features) +
                            ", fixed at compile time, got " + shape.text());
    }
    check_size<Features>(name, "normalized_shape", shape.size());
    check_eps(name, eps);
    return shape.size();
  }

  template <int Rank>
  static void check_rank() {
    static_assert(Rank >= 1, "eigen_norm: LayerNorm and RMSNorm take a tensor of rank 1 or more");
  }

  void check_input(const memory::Shape& shape, Purpose) const {
    const int leading = shape.rank() - shape_.rank();
    bool matches = leading >= 0;
    for (int axis = 0; matches && axis < shape_.rank(); ++axis) {
      matches = shape[leading + axis] == shape_[axis];
    }
    if (!matches) {
      this->raise_shape("input", "(..., " + shape_.list() + ")", shape,
                        transpose_hint(shape, shape_.size()));
    }
  }

  memory::CollapsedShape collapse(const memory::Layout& layout, bool) const {
    return memory::CollapsedShape::over_trailing(layout, shape_.rank());
  }
  static constexpr bool mask_is_of_elements = true;
  Index samples(const memory::Shape& shape) const {
    return shape.rank() > shape_.rank() ? shape[0] : 1;
  }
  bool wants_packed() const { return shape_.rank() > 1; }

  memory::Shape shape_;
  Options options_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/layer_norm.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Layer normalization (Ba, Kiros, Hinton 2016, arXiv:1607.06450) over the trailing dimensions:
///
///     y = (x - mean) / sqrt(var + eps) * gamma + beta
///
/// mean and var (biased) are those of each row, over `normalized_shape`; gamma and beta have one
/// number for each element of it, flat, in row-major order whatever x's storage order. The same in
/// training and in eval, as torch.nn.LayerNorm.
///
///     LayerNorm<float> norm(768);         // (..., 768)
///     LayerNorm<float> norm({56, 56});    // (..., 56, 56)
///     LayerNorm<float, 64> norm;          // (..., 64), fixed at compile time
///
/// Throws std::invalid_argument for an input that does not end in normalized_shape.
template <typename Scalar, int Features = Eigen::Dynamic>
class LayerNorm
    : public TrailingLayer<LayerNorm<Scalar, Features>, Scalar, Features, LayerNormOptions> {
  using Base = TrailingLayer<LayerNorm, Scalar, Features, LayerNormOptions>;
  friend Base;
  friend typename Base::LayerBase;
  friend typename Base::ConditionedBase;
  friend typename Base::CallsBase;

 public:
  using Base::Base;

 private:
  static std::string class_name() { return "LayerNorm"; }
  static typename Base::Settings settings(const LayerNormOptions& options) {
    return {options.eps, options.gamma, options.beta, false};
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/rms_norm.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Root mean square normalization (Zhang, Sennrich 2019, arXiv:1910.07467) over the trailing
/// dimensions:
///
///     y = x / sqrt(mean(x^2) + eps) * gamma
///
/// over each row, of `normalized_shape`; gamma has one number for each element of it, flat, in
/// row-major order whatever x's storage order, and there is no beta. As torch.nn.RMSNorm, eps is by
/// default the machine's, of the type that is computed in: float for 16-bit data. With
/// `zero_centered_gamma` it is `1 + gamma` that scales: `gamma()`, the parameter "weight", is the
/// distance from 1 and 0 to begin with. `batch_mean()` is 0, `batch_inv_std()` is
/// 1 / sqrt(mean(x^2) + eps).
///
/// A row with a number that is not finite is NaN throughout; PyTorch gives 0 beside an infinity.
///
///     RMSNorm<float> norm(768);         // (..., 768)
///     RMSNorm<float> norm({56, 56});    // (..., 56, 56)
///     RMSNorm<float, 64> norm;          // (..., 64), fixed at compile time
///
/// Throws std::invalid_argument for an input that does not end in normalized_shape.
template <typename Scalar, int Features = Eigen::Dynamic>
class RMSNorm : public TrailingLayer<RMSNorm<Scalar, Features>, Scalar, Features, RMSNormOptions> {
  using Base = TrailingLayer<RMSNorm, Scalar, Features, RMSNormOptions>;
  friend Base;
  friend typename Base::LayerBase;
  friend typename Base::ConditionedBase;
  friend typename Base::CallsBase;

 public:
  using Base::Base;

 private:
  static constexpr bool centred = false;

  static std::string class_name() { return "RMSNorm"; }
  static typename Base::Settings settings(const RMSNormOptions& options) {
    const auto machine = static_cast<double>(Eigen::NumTraits<Param<Scalar>>::epsilon());
    return {options.eps.value_or(machine), options.gamma, false, options.zero_centered_gamma};
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/distributed/communicator.hpp

namespace eigen_norm::distributed {
inline namespace EIGEN_NORM_ABI {

/// A hundred years: a clock's count of nanoseconds overflows beyond three hundred.
inline constexpr std::chrono::milliseconds longest_time_limit = std::chrono::hours(24 * 365 * 100);

/// All that synchronised layers ask of a network: a number of ranks, processes or threads, each of
/// which has a communicator of its own and calls the same collectives in the same order.
///
/// An implementation ends every wait, by a result or by an exception: where a time limit is over,
/// and, if it can tell, where a rank has left or the ranks do not agree on what they are about to
/// do. After an exception from one of these calls a communicator is of no more use, and says so.
class Communicator {
 public:
  using Ticket = Index;

  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  /// Begins to gather `count` doubles from each rank, the same number from all, and returns a
  /// ticket for the result. `mine` is copied. `purpose` is for error messages: "the statistics of
  /// SyncBatchNorm2d(64)".
  virtual Ticket start_all_gather(const double* mine, Index count, const std::string& purpose) = 0;

  /// Waits for the result, once: count * size() doubles in the order of ranks, the same on each.
  /// They stay until the next start_all_gather.
  virtual const double* finish(Ticket ticket) = 0;

  /// In the place of finish, where the result is of no more use: what is held for it can be let go.
  /// Waits for nothing; the other ranks get theirs, if only when this one calls again.
  virtual void abandon(Ticket ticket) noexcept { static_cast<void>(ticket); }

  const double* all_gather(const double* mine, Index count, const std::string& purpose) {
    return finish(start_all_gather(mine, count, purpose));
  }

  /// A number for a layer that is made, the same on every rank: it tells the layer from others of
  /// its size.
  Index new_layer() { return ++layers_; }

 protected:
  Communicator() = default;
  Communicator(const Communicator&) = default;
  Communicator& operator=(const Communicator&) = default;

  static std::string not_under_way(Ticket ticket) {
    return "expected the ticket of an all-gather under way, got " + std::to_string(ticket);
  }

 private:
  Index layers_ = 0;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::distributed

// === eigen_norm/distributed/agreement.hpp

namespace eigen_norm::distributed {
inline namespace EIGEN_NORM_ABI {

/// What a layer is, as the seven numbers that agreed_channels gathers, in words:
/// "SyncBatchNorm2d(64), eps 1e-05, momentum 0.1".
inline std::string described_layer(const double* layer) {
  const auto whole = [](double number) { return std::to_string(static_cast<Index>(number)); };
  return "SyncBatchNorm" + whole(layer[0]) + "d(" + whole(layer[1]) + "), eps " +
         number_text(layer[2]) + ", momentum " +
         (layer[4] == 0 ? "nullopt" : number_text(layer[3])) +
         (layer[5] == 0   ? ", without running statistics"
          : layer[5] == 2 ? ", biased"
                          : "") +
         (layer[6] == 1   ? ", virtual_batch_size or renorm"
          : layer[6] == 2 ? ", of another fixed size"
                          : "");
}

/// num_features, once it is sure that the ranks have all in common that they must, or one would
/// wait for numbers that never come. It is asked before a rank refuses anything of its own. Throws
/// std::invalid_argument on all ranks where their layers differ.
inline Index agreed_channels(int spatial_rank, int fixed_size, Index num_features,
                             const BatchNormOptions& options, Communicator* ranks) {
  const std::string name = "SyncBatchNorm" + std::to_string(spatial_rank) + 'd';
  if (ranks == nullptr) memory::raise_invalid(name + ": expected a communicator, got none");
  constexpr Index numbers = 7;
  const bool biased = options.running_variance == RunningVariance::biased;
  const bool other_size = fixed_size != Eigen::Dynamic && fixed_size != num_features;
  const double mine[numbers] = {static_cast<double>(spatial_rank),
                                static_cast<double>(num_features),
                                options.eps,
                                options.momentum.value_or(0),
                                options.momentum ? 1.0 : 0.0,
                                !options.track_running_stats ? 0.0
                                : biased                     ? 2.0
                                                             : 1.0,
                                options.virtual_batch_size || options.renorm ? 1.0
                                : other_size                                 ? 2.0
                                                                             : 0.0};
  const double* const all = ranks->all_gather(mine, numbers, "the construction of SyncBatchNorm");
  // What is no number is not equal to itself.
  const auto are_alike = [](double a, double b) {
    return a == b || !(kernels::is_finite(a) || kernels::is_finite(b));
  };
  std::string others;
  for (int rank = 1; rank < ranks->size(); ++rank) {
    const double* const layer = all + rank * numbers;
    if (std::equal(layer, layer + numbers, all, are_alike)) continue;
    others += "; " + described_layer(layer) + " on rank " + std::to_string(rank);
  }
  if (!others.empty()) {
    memory::raise_invalid(name + '(' + std::to_string(num_features) +
                          "): expected the same layer on every rank, got " + described_layer(all) +
                          " on rank 0" + others);
  }
  return num_features;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::distributed

// === eigen_norm/distributed/pending_gather.hpp

namespace eigen_norm::distributed {
inline namespace EIGEN_NORM_ABI {

/// An all-gather that is under way, or none. It is abandoned with its owner; a copy is of none, for
/// what was begun is finished once.
class PendingGather {
 public:
  PendingGather() = default;
  PendingGather(const std::shared_ptr<Communicator>& ranks, const double* mine, Index count,
                const std::string& purpose)
      : ticket_(ranks->start_all_gather(mine, count, purpose)), ranks_(ranks) {}

  PendingGather(const PendingGather&) {}
  PendingGather(PendingGather&&) noexcept = default;  // which leaves the other without ranks
  PendingGather& operator=(const PendingGather& other) {
    if (this != &other) abandon();
    return *this;
  }
  PendingGather& operator=(PendingGather&& other) noexcept {
    if (this == &other) return *this;
    abandon();
    ticket_ = other.ticket_;
    ranks_ = std::move(other.ranks_);
    return *this;
  }
  ~PendingGather() { abandon(); }

  explicit operator bool() const { return ranks_ != nullptr; }

  /// As Communicator::finish; nothing is under way then, by an exception neither.
  const double* finish() { return std::exchange(ranks_, nullptr)->finish(ticket_); }

  void abandon() noexcept {
    if (ranks_ != nullptr) ranks_->abandon(ticket_);
    ranks_ = nullptr;
  }

 private:
  Communicator::Ticket ticket_ = 0;
  std::shared_ptr<Communicator> ranks_;  ///< null where nothing is under way
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::distributed

// === eigen_norm/distributed/channel_exchange.hpp

namespace eigen_norm::distributed {
inline namespace EIGEN_NORM_ABI {

/// What the ranks of a synchronised layer tell each other in one collective: a count, what they
/// speak of, and two numbers by channel. A count of -1 is that of a rank which has thrown an
/// exception.
class ChannelExchange {
 public:
  /// What is exchanged: in words, and as a number among the topics of the layer.
  struct Topic {
    std::string words;
    int kind;
  };

  struct Part {
    Index count;
    const double* first;   ///< by channel
    const double* second;  ///< by channel
  };

  /// What this rank owes the others while a call lasts: where the call ends before it has given
  /// anything, by an exception, they are told.
  class Debt {
   public:
    /// Throws std::logic_error where the exchange was moved away.
    Debt(ChannelExchange& exchange, const Topic& topic) : exchange_(exchange), topic_(topic) {
      if (exchange_.ranks_ == nullptr) {
        memory::raise_logic("eigen_norm: the synchronised layer was moved away");
      }
      exchange_.owes_ = true;
    }
    ~Debt() {
      if (exchange_.owes_) exchange_.refuse(topic_);
    }
    Debt(const Debt&) = delete;
    Debt& operator=(const Debt&) = delete;

   private:
    ChannelExchange& exchange_;
    const Topic& topic_;
  };

  ChannelExchange(const std::shared_ptr<Communicator>& ranks, Index channels)
      : ranks_(ranks),
        channels_(static_cast<std::size_t>(channels)),
        layer_(ranks->new_layer()),
        message_(2 + 2 * channels_) {}

  Communicator& ranks() const { return *ranks_; }
  Index channels() const { return static_cast<Index>(channels_); }

  /// This rank's numbers, to be written before `start`; they stay as they are.
  double* first() { return message_.data() + 2; }
  double* second() { return first() + channels_; }
  void set_zero() { std::fill_n(first(), 2 * channels_, 0.0); }

  void start(Index count, const Topic& topic) {
    pending_ = gather(count, topic);
    owes_ = false;
  }
  bool is_pending() const { return static_cast<bool>(pending_); }
  void abandon() { pending_.abandon(); }

  /// Throws std::runtime_error where a rank has nothing to give, or speaks of something else: of
  /// another layer, or of the gradients where others speak of the statistics.
  void finish(const Topic& topic) {
    all_ = pending_.finish();
    check_each(topic, "another call",
               [&](const double* given) { return given[1] == number(topic); });
    check_each(topic, "an error", [](const double* given) { return given[0] >= 0; });
  }

  /// After `finish`, until the next.
  Part part(int rank) const {
    const double* const given = given_by(rank);
    return {static_cast<Index>(given[0]), given + 2, given + 2 + channels_};
  }

 private:
  /// Of this layer and topic.
  double number(const Topic& topic) const { return static_cast<double>(2 * layer_ + topic.kind); }

  PendingGather gather(Index count, const Topic& topic) {
    message_[0] = static_cast<double>(count);
    message_[1] = number(topic);
    return {ranks_, message_.data(), static_cast<Index>(message_.size()), topic.words};
  }

  /// Waits for the others, who may need this rank to pass on their messages.
  void refuse([[maybe_unused]] const Topic& topic) noexcept {
    owes_ = false;
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
    try {
      gather(-1, topic).finish();
    } catch (...) {  // the error that led here says more
    }
#endif
  }

  const double* given_by(int rank) const {
    return all_ + static_cast<std::size_t>(rank) * message_.size();
  }

  template <typename IsRight>
  void check_each(const Topic& topic, const char* got, const IsRight& is_right) const {
    std::string wrong;
    for (int rank = 0; rank < ranks_->size(); ++rank) {
      if (!is_right(given_by(rank))) wrong += (wrong.empty() ? "" : ", ") + std::to_string(rank);
    }
    if (wrong.empty()) return;
    memory::raise<std::runtime_error>("expected " + topic.words + " from every rank, got " + got +
                                      " on rank " + wrong);
  }

  std::shared_ptr<Communicator> ranks_;
  std::size_t channels_;
  Index layer_;
  std::vector<double> message_;
  PendingGather pending_;
  const double* all_ = nullptr;
  bool owes_ = false;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::distributed

// === eigen_norm/distributed/layers_of.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Of which layers a model is made: `map` returns the model with f(layer) for each layer, from the
/// first to the last. It looks into vectors, arrays, optionals, pairs and tuples; all else is one
/// layer. For a model of your own, specialise it:
///
///     template <>
///     struct LayersOf<Block> {
///       template <typename F>
///       static auto map(const Block& block, const F& f) {
///         return SyncBlock{block.conv, LayersOf<BatchNorm2d<float>>::map(block.norm, f)};
///       }
///     };
template <typename Model>
struct LayersOf {
  template <typename F>
  static auto map(const Model& layer, const F& f) {
    return f(layer);
  }
};

template <typename Layer, typename Allocator>
struct LayersOf<std::vector<Layer, Allocator>> {
  template <typename F>
  static auto map(const std::vector<Layer, Allocator>& layers, const F& f) {
    std::vector<decltype(LayersOf<Layer>::map(layers.front(), f))> result;
    result.reserve(layers.size());
    for (const Layer& layer : layers) result.push_back(LayersOf<Layer>::map(layer, f));
    return result;
  }
};

template <typename Layer>
struct LayersOf<std::optional<Layer>> {
  template <typename F>
  static auto map(const std::optional<Layer>& layer, const F& f) {
    std::optional<decltype(LayersOf<Layer>::map(*layer, f))> result;
    if (layer) result.emplace(LayersOf<Layer>::map(*layer, f));
    return result;
  }
};

// In braces they are called from left to right, on every rank alike.

template <typename Layer, std::size_t Size>
struct LayersOf<std::array<Layer, Size>> {
  template <typename F>
  static auto map(const std::array<Layer, Size>& layers, const F& f) {
    return std::apply(
        [&](const auto&... each) {
          return std::array<decltype(LayersOf<Layer>::map(layers.front(), f)), Size>{
              LayersOf<Layer>::map(each, f)...};
        },
        layers);
  }
};

template <typename... Layers>
struct LayersOf<std::tuple<Layers...>> {
  template <typename F>
  static auto map(const std::tuple<Layers...>& layers, const F& f) {
    return std::apply(
        [&](const Layers&... each) {
          return std::tuple<decltype(LayersOf<Layers>::map(each, f))...>{
              LayersOf<Layers>::map(each, f)...};
        },
        layers);
  }
};

template <typename First, typename Second>
struct LayersOf<std::pair<First, Second>> {
  template <typename F>
  static auto map(const std::pair<First, Second>& layers, const F& f) {
    return std::pair<decltype(LayersOf<First>::map(layers.first, f)),
                     decltype(LayersOf<Second>::map(layers.second, f))>{
        LayersOf<First>::map(layers.first, f), LayersOf<Second>::map(layers.second, f)};
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/distributed/rank_order.hpp

// What the ranks have given, put together in the order of ranks: the same bits on each, whoever
// came first.
namespace eigen_norm::distributed {
inline namespace EIGEN_NORM_ABI {

/// Values per channel on all ranks.
inline Index merged_count(const ChannelExchange& exchange) {
  Index count = 0;
  for (int rank = 0; rank < exchange.ranks().size(); ++rank) count += exchange.part(rank).count;
  return count;
}

/// mean and m2 of all ranks, of each channel, from theirs.
inline void merge_moments(const ChannelExchange& exchange, double* mean, double* m2) {
  std::fill_n(mean, exchange.channels(), 0.0);
  std::fill_n(m2, exchange.channels(), 0.0);
  Index count = 0;
  for (int rank = 0; rank < exchange.ranks().size(); ++rank) {
    const auto part = exchange.part(rank);
    if (part.count == 0) continue;
    for (Index c = 0; c < exchange.channels(); ++c) {
      kernels::Moments<double> moments{count, mean[c], m2[c]};
      moments.merge({part.count, part.first[c], part.second[c]});
      mean[c] = moments.mean;
      m2[c] = moments.m2;
    }
    count += part.count;
  }
}

/// first(c) = sum_rank first(rank, c), and second likewise.
inline void add_sums(const ChannelExchange& exchange, double* first, double* second) {
  std::fill_n(first, exchange.channels(), 0.0);
  std::fill_n(second, exchange.channels(), 0.0);
  for (int rank = 0; rank < exchange.ranks().size(); ++rank) {
    const auto part = exchange.part(rank);
    for (Index c = 0; c < exchange.channels(); ++c) {
      first[c] += part.first[c];
      second[c] += part.second[c];
    }
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::distributed

// === eigen_norm/distributed/sync_batch_norm.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Batch normalization of a batch that lies on several ranks, processes or threads, each of which
/// calls the same layer with its own share; as torch.nn.SyncBatchNorm. In training
///
///     y = (x - mean) / sqrt(var + eps) * gamma + beta
///
/// has the mean and var of all shares together: each rank gathers count, mean and m2 by channel of
/// every other and merges them in the order of ranks, so that all have the same bits. backward
/// gathers sum(dy) and sum(dy * xhat) likewise. One collective each way; shares may be of different
/// sizes, and some may be empty.
///
/// gamma_grad and beta_grad are the sums over this rank's share, as PyTorch's: sum or average them
/// over the ranks with those of all other parameters. The running statistics are those of the whole
/// batch, the same on every rank. In eval and when frozen, and for infer, nothing is exchanged.
///
///     auto ranks = std::make_shared<mpi::Communicator>(MPI_COMM_WORLD);
///     SyncBatchNorm2d<float> norm(64, ranks);
///
/// All ranks construct the same layers, and call their forward and backward in the same order. A
/// rank whose input is refused says so to the others: there the call throws a std::runtime_error
/// that names it, and the next call works again. The steps of SplitBatch are of this rank alone.
///
/// Throws as BatchNorm does; for one value per channel on all ranks together; and
/// std::invalid_argument on all ranks where their layers are not alike, or for virtual_batch_size
/// and renorm, std::logic_error for masks and scales per sample in training.
template <typename Scalar, int Channels, int SpatialRank>
class SyncBatchNorm : public BatchLayer<SyncBatchNorm<Scalar, Channels, SpatialRank>, Scalar,
                                        Channels, SpatialRank> {
  using Base = BatchLayer<SyncBatchNorm, Scalar, Channels, SpatialRank>;
  friend Base;
  friend typename Base::SplitBase;
  friend typename Base::TrackingBase;
  friend typename Base::LayerBase;
  friend typename Base::ConditionedBase;
  friend typename Base::CallsBase;
  using typename Base::ConstBuffer;
  using typename Base::ConstOperand;
  using typename Base::MutableOperand;
  using typename Base::P;
  using typename Base::S;
  static_assert(std::is_same_v<S, double>,
                "eigen_norm: SyncBatchNorm exchanges doubles; its scalar is double or narrower");

 public:
  using Communicator = distributed::Communicator;

  /// A collective call: every rank constructs the same layer.
  SyncBatchNorm(Index num_features, const std::shared_ptr<Communicator>& ranks,
                const BatchNormOptions& options = {})
      : Base(
            distributed::agreed_channels(SpatialRank, Channels, num_features, options, ranks.get()),
            options),
        exchange_(ranks, num_features),
        statistics_{"the statistics of " + this->name(), 0},
        gradients_{"the gradient sums of " + this->name(), 1} {
    if (options.virtual_batch_size || options.renorm) {
      memory::raise_invalid(this->name() + ": expected neither virtual_batch_size nor renorm");
    }
  }

  /// Where the number of channels is fixed at compile time. A collective call.
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  explicit SyncBatchNorm(const std::shared_ptr<Communicator>& ranks,
                         const BatchNormOptions& options = {})
      : SyncBatchNorm(C, ranks, options) {}

  /// The same layer over all ranks, with its state and mode; num_batches_skipped begins at 0. A
  /// collective call.
  SyncBatchNorm(const BatchNorm<Scalar, Channels, SpatialRank>& norm,
                const std::shared_ptr<Communicator>& ranks)
      : SyncBatchNorm(norm.num_features(), ranks, norm.options()) {
    Base::copy_state(norm, *this);
  }

  /// The first half of backward: the sums over this share, on their way to the other ranks. What
  /// needs no dx can be done until backward, with the same x and dy, finishes it.
  template <typename X, typename Dy>
  void start_backward(const X& x, const Dy& dy) {
    if (!this->last().synchronised) return this->check_answerable("start_backward", false, false);
    const Debt debt(exchange_, gradients_);
    check_nothing_is_pending("start_backward");
    this->check_answerable("start_backward", false, false);
    this->template read_gradient<Base::template is_row_major<X>>(
        x, dy,
        [&](const memory::Shape& shape) { this->check_last("x of the last forward", shape); },
        [&](const ConstBuffer& in, const ConstBuffer& gradient) {
          start_sums(in, gradient, kernels::XhatOfInput());
        });
  }

  /// Forgets what start_backward has begun, if anything. The other ranks, who have the sums of this
  /// one, can finish theirs.
  void cancel_backward() { exchange_.abandon(); }

  /// The layer of one machine, with the state and mode of this one; num_batches_skipped begins at
  /// 0.
  BatchNorm<Scalar, Channels, SpatialRank> batch_norm() const {
    BatchNorm<Scalar, Channels, SpatialRank> norm(this->num_features(), this->options());
    Base::copy_state(*this, norm);
    return norm;
  }

 private:
  using Exchange = distributed::ChannelExchange;
  using Debt = Exchange::Debt;

  static std::string class_name() { return "SyncBatchNorm" + std::to_string(SpatialRank) + "d"; }

  /// Whether a forward has to do with the other ranks: by running statistics it has not.
  bool synchronises() const { return this->is_training() && !this->uses_running(false); }

  Purpose forward_purpose() const { return synchronises() ? Purpose::part : Purpose::forward; }
  void check_mask(const memory::Shape& shape, const Mask* mask, Purpose purpose) const {
    if (purpose == Purpose::inference || !synchronises()) {
      return Base::check_mask(shape, mask, purpose);
    }
    memory::raise_logic(this->name() +
                        ": a mask, or a scale and shift per sample, is not synchronised");
  }
  void check_nothing_is_pending(const char* call) const {
    if (!exchange_.is_pending()) return;
    memory::raise_logic(this->name() + ": " + call +
                        " needs a backward before it, to finish what "
                        "start_backward has begun");
  }

  template <typename Call>
  void forward_together(const Call& call) {
    if (!synchronises()) {
      check_nothing_is_pending("forward");
      return call();
    }
    const Debt debt(exchange_, statistics_);
    check_nothing_is_pending("forward");
    call();
  }

  /// In training: mean and m2 of this share to all, those of all shares from all.
  void exchange_statistics(const ConstBuffer& in) {
    if (!synchronises()) return;
    // Where there is no memory, the others must hear of it: none is taken after `start`.
    this->last().reserve(this->num_features());
    this->scratch();
    const memory::Shape& shape = in.layout.shape;
    Index count = 0;
    if (shape.size() == 0) {
      exchange_.set_zero();
    } else {
      const ConstOperand x = this->operand(in, true);
      count = x.shape.values_per_statistic();
      double* const m2 = exchange_.second();
      kernels::statistics(x,
                          kernels::FromData<Scalar>(this->eps(), {exchange_.first(), nullptr, m2}));
      for (Index c = 0; c < this->num_features(); ++c) m2[c] *= static_cast<double>(count);
    }
    exchange_.start(count, statistics_);
    take_statistics(shape);
  }

  /// An empty share is remembered with the statistics of the others.
  void remember_empty(const memory::Shape& shape) {
    if (!synchronises()) Base::remember_empty(shape);
  }
  void normalise(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape) {
    if (!synchronises()) return Base::normalise(x, y, shape);
    const auto& last = this->last();
    kernels::normalise(
        x, y, this->affine().view(),
        kernels::FromChannels<Scalar>({last.mean.view().data(), last.inv_std.view().data()}));
  }

  /// The statistics of all shares, merged in the order of ranks and remembered.
  void take_statistics(const memory::Shape& shape) {
    exchange_.finish(statistics_);
    const Index count = distributed::merged_count(exchange_);
    if (count == 1) {
      memory::raise_invalid(this->name() +
                            ": expected more than 1 value per channel when training, "
                            "got 1 on " +
                            std::to_string(exchange_.ranks().size()) + " ranks together");
    }
    auto& last = this->last();
    last.begin(shape, true);
    last.synchronised = true;
    count_ = count;
    if (count == 0) return;
    last.resize(this->num_features());
    S *const mean = last.mean.data(), *const var = this->scratch();
    distributed::merge_moments(exchange_, mean, var);
    for (Index c = 0; c < this->num_features(); ++c) {
      const kernels::Moments<S> moments{count, mean[c], var[c]};
      var[c] = last.inv_std.data()[c] = moments.biased_variance();
    }
    kernels::show_overflow(last.inv_std.data(), this->num_features());
    kernels::inverse_std(last.inv_std.data(), this->num_features(), this->eps());
    if (!this->options().track_running_stats) return;
    this->remember(mean, var, this->running().correction(count, this->options().running_variance));
  }

  template <typename Call>
  void backward_together(const Call& call) {
    if (!this->last().synchronised || exchange_.is_pending()) return call();
    const Debt debt(exchange_, gradients_);
    call();
  }

  template <typename Xhat>
  void exchange_sums(const ConstBuffer& x, const ConstBuffer& dy, const Xhat& xhat) {
    if (!this->last().synchronised) return;
    if (!exchange_.is_pending()) start_sums(x, dy, xhat);
    exchange_.finish(gradients_);
  }

  /// sum(dy * xhat) and sum(dy) of this share, on their way to the others.
  template <typename Xhat>
  void start_sums(const ConstBuffer& in, const ConstBuffer& gradient, const Xhat& xhat) {
    if (in.layout.shape.size() == 0) {
      exchange_.set_zero();
    } else {
      const ConstOperand x = this->operand(in, true);
      const Index pieces = Base::pieces(x);
      kernels::BackwardPass<Scalar, Xhat> pass = pass_over(x, this->operand(gradient, true), xhat);
      pass.affine_sums = this->scratch(pieces);
      kernels::backward(pass, statistics_of_last(), pieces);
      std::copy_n(pass.affine_sums, 2 * this->num_features(), exchange_.first());
    }
    exchange_.start(0, gradients_);
  }

  template <typename Xhat>
  void differentiate_into(const ConstOperand& x, const ConstOperand& dy, const MutableOperand& dx,
                          const Xhat& xhat) {
    if (!this->last().synchronised) return Base::differentiate_into(x, dy, dx, xhat);
    kernels::BackwardPass<Scalar, Xhat> pass = pass_over(x, dy, xhat);
    pass.dx = dx;
    pass.given = all_sums();
    kernels::backward(pass, statistics_of_last(), 1);
    this->affine().accumulate(exchange_.first(), exchange_.second());
  }

  /// sum(gamma * dy) and sum(gamma * dy * xhat) of all shares, added in the order of ranks.
  kernels::GivenSums<S> all_sums() {
    S* const dy_xhat = this->scratch();
    S* const dy = dy_xhat + this->num_features();
    distributed::add_sums(exchange_, dy_xhat, dy);
    for (Index c = 0; c < this->num_features(); ++c) {
      const S gamma = S(this->affine().view().gamma_at(c));
      dy_xhat[c] *= gamma;
      dy[c] *= gamma;
    }
    return {dy, dy_xhat, count_};
  }

  template <typename Xhat>
  kernels::BackwardPass<Scalar, Xhat> pass_over(const ConstOperand& x, const ConstOperand& dy,
                                                const Xhat& xhat) {
    return {x, dy, {nullptr, x.shape}, this->affine().view(), true, nullptr, true, {}, xhat};
  }
  kernels::FromForward<Scalar> statistics_of_last() const {
    const auto& last = this->last();
    return kernels::FromForward<Scalar>({last.mean.view().data(), last.inv_std.view().data()});
  }

  Exchange exchange_;
  Exchange::Topic statistics_, gradients_;  ///< what is exchanged
  Index count_ = 0;                         ///< values per channel of the last training batch
};

/// (N, C) or (N, C, L); channels last: (N, L, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using SyncBatchNorm1d = SyncBatchNorm<Scalar, Channels, 1>;

/// (N, C, H, W); channels last: (N, H, W, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using SyncBatchNorm2d = SyncBatchNorm<Scalar, Channels, 2>;

/// (N, C, D, H, W); channels last: (N, D, H, W, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using SyncBatchNorm3d = SyncBatchNorm<Scalar, Channels, 3>;

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/distributed/convert.hpp

namespace eigen_norm::distributed {
inline namespace EIGEN_NORM_ABI {

/// A BatchNorm becomes the SyncBatchNorm of `ranks`; any other layer stays what it is.
struct Synchronise {
  const std::shared_ptr<Communicator>& ranks;

  template <typename Layer>
  Layer operator()(const Layer& layer) const {
    return layer;
  }
  template <typename Scalar, int Channels, int SpatialRank>
  auto operator()(const BatchNorm<Scalar, Channels, SpatialRank>& norm) const {
    return SyncBatchNorm<Scalar, Channels, SpatialRank>(norm, ranks);
  }
};

/// And back.
struct Separate {
  template <typename Layer>
  Layer operator()(const Layer& layer) const {
    return layer;
  }
  template <typename Scalar, int Channels, int SpatialRank>
  auto operator()(const SyncBatchNorm<Scalar, Channels, SpatialRank>& norm) const {
    return norm.batch_norm();
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::distributed

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// A model with every BatchNorm in it as the SyncBatchNorm of all ranks, state and mode included;
/// as torch.nn.SyncBatchNorm.convert_sync_batchnorm. What is in it is found as LayersOf says. A
/// collective call: every rank converts the same model.
template <typename Model>
auto convert_sync_batch_norm(const Model& model,
                             const std::shared_ptr<distributed::Communicator>& ranks) {
  return LayersOf<Model>::map(model, distributed::Synchronise{ranks});
}

/// The way back: every SyncBatchNorm as the BatchNorm of one machine, to be exported, say. No
/// collective call.
template <typename Model>
auto convert_batch_norm(const Model& model) {
  return LayersOf<Model>::map(model, distributed::Separate{});
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/distributed/thread_ranks.hpp

namespace eigen_norm::distributed {
inline namespace EIGEN_NORM_ABI {

/// Ranks that are threads of one process, for tests and for training on the cores of one machine:
///
///     auto ranks = thread_ranks(4);    // one shared_ptr<Communicator> for each thread
///
/// A rank whose communicator is destroyed has left: whoever waits for it gets an exception at once.
class ThreadRanks {
 public:
  using Clock = std::chrono::steady_clock;

  ThreadRanks(int size, std::chrono::milliseconds time_limit)
      : size_(static_cast<std::size_t>(size)), time_limit_(time_limit), has_left_(size_, false) {}

  std::size_t size() const { return size_; }

  /// The values of one rank for the collective of that number, counted on each rank from 0.
  void give(std::size_t rank, std::size_t number, const double* mine, std::size_t count,
            const std::string& purpose) {
    const std::lock_guard<std::mutex> lock(mutex_);
    check();
    Collective& collective = collectives_[number];
    if (collective.given.empty()) {
      collective = {purpose, count, std::vector<double>(count * size_),
                    std::vector<bool>(size_, false), 0};
    }
    if (collective.count != count) {
      fail("expected the same collective on every rank, got " + describe(purpose, count) +
           " on rank " + std::to_string(rank) + " and " +
           describe(collective.purpose, collective.count) + " on others");
    }
    std::copy_n(mine, count, collective.values.begin() + static_cast<std::ptrdiff_t>(rank * count));
    collective.given[rank] = true;
    changed_.notify_all();
  }

  /// Waits for the values of all and copies them to `all`.
  void take(std::size_t rank, std::size_t number, std::vector<double>& all) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto deadline = Clock::now() + std::min(time_limit_, longest_time_limit);
    for (;;) {
      const Collective& collective = collectives_.at(number);
      const std::vector<std::size_t> missing = missing_of(collective);
      if (missing.empty()) {  // whatever has gone wrong since
        all = collective.values;
        return drop(number);
      }
      check();
      for (const std::size_t other : missing) {
        if (!has_left_[other]) continue;
        fail("rank " + std::to_string(other) + " has left before " + collective.purpose);
      }
      if (changed_.wait_until(lock, deadline) == std::cv_status::no_timeout) continue;
      if (Clock::now() < deadline || missing_of(collective).empty()) continue;
      fail("rank " + std::to_string(rank) + " has waited " + std::to_string(time_limit_.count()) +
           " ms with " + collective.purpose + " for rank " + list(missing));
    }
  }

  /// In the place of take.
  void abandon(std::size_t number) {
    const std::lock_guard<std::mutex> lock(mutex_);
    drop(number);
  }

  void leave(std::size_t rank) {
    const std::lock_guard<std::mutex> lock(mutex_);
    has_left_[rank] = true;
    changed_.notify_all();
  }

 private:
  struct Collective {
    std::string purpose;
    std::size_t count = 0;
    std::vector<double> values;
    std::vector<bool> given;
    std::size_t dropped = 0;  // ranks that need it no more
  };

  static std::string describe(const std::string& purpose, std::size_t count) {
    return purpose + " (" + std::to_string(count) + " values)";
  }
  static std::string list(const std::vector<std::size_t>& ranks) {
    std::string text;
    for (const std::size_t rank : ranks) text += (text.empty() ? "" : ", ") + std::to_string(rank);
    return text;
  }

  std::vector<std::size_t> missing_of(const Collective& collective) const {
    std::vector<std::size_t> missing;
    for (std::size_t rank = 0; rank < size_; ++rank) {
      if (!collective.given[rank]) missing.push_back(rank);
    }
    return missing;
  }

  /// With the last of the ranks, each of which has given its values before.
  void drop(std::size_t number) {
    if (++collectives_.at(number).dropped == size_) collectives_.erase(number);
  }

  /// For this rank, and for every other that waits or comes later.
  [[noreturn]] void fail(const std::string& reason) {
    failure_ = "eigen_norm::ThreadRanks: " + reason;
    changed_.notify_all();
    memory::raise<std::runtime_error>(failure_);
  }
  void check() const {
    if (!failure_.empty()) memory::raise<std::runtime_error>(failure_);
  }

  std::size_t size_;
  std::chrono::milliseconds time_limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::size_t, Collective> collectives_;
  std::vector<bool> has_left_;
  std::string failure_;
};

/// One thread's part of ThreadRanks.
class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<ThreadRanks> ranks, int rank)
      : ranks_(std::move(ranks)), rank_(static_cast<std::size_t>(rank)) {}
  ~ThreadCommunicator() override { ranks_->leave(rank_); }
  ThreadCommunicator(const ThreadCommunicator&) = delete;
  ThreadCommunicator& operator=(const ThreadCommunicator&) = delete;

  int rank() const override { return static_cast<int>(rank_); }
  int size() const override { return static_cast<int>(ranks_->size()); }

  Ticket start_all_gather(const double* mine, Index count, const std::string& purpose) override {
    // Where there is no memory, nothing has been given yet; finish takes none.
    under_way_.reserve(under_way_.size() + 1);
    all_.reserve(static_cast<std::size_t>(count) * ranks_->size());
    ranks_->give(rank_, next_, mine, static_cast<std::size_t>(count), purpose);
    under_way_.push_back(next_);
    return static_cast<Ticket>(next_++);
  }
  const double* finish(Ticket ticket) override {
    if (!take_back(ticket))
      memory::raise_logic("eigen_norm::ThreadRanks: " + not_under_way(ticket));
    ranks_->take(rank_, static_cast<std::size_t>(ticket), all_);
    return all_.data();
  }
  void abandon(Ticket ticket) noexcept override {
    if (take_back(ticket)) ranks_->abandon(static_cast<std::size_t>(ticket));
  }

 private:
  /// Whether it was under way, which it is no more.
  bool take_back(Ticket ticket) {
    const auto found =
        std::find(under_way_.begin(), under_way_.end(), static_cast<std::size_t>(ticket));
    if (found == under_way_.end()) return false;
    under_way_.erase(found);
    return true;
  }

  std::shared_ptr<ThreadRanks> ranks_;
  std::size_t rank_;
  std::size_t next_ = 0;
  std::vector<std::size_t> under_way_;
  std::vector<double> all_;
};

/// The communicators of `size` threads. Every wait ends after `time_limit`.
inline std::vector<std::shared_ptr<Communicator>> thread_ranks(
    int size, std::chrono::milliseconds time_limit = std::chrono::minutes(1)) {
  if (size < 1) {
    memory::raise_invalid("eigen_norm: expected at least 1 rank, got " + std::to_string(size));
  }
  const auto shared = std::make_shared<ThreadRanks>(size, time_limit);
  std::vector<std::shared_ptr<Communicator>> result;
  result.reserve(shared->size());
  for (int rank = 0; rank < size; ++rank) {
    result.push_back(std::make_shared<ThreadCommunicator>(shared, rank));
  }
  return result;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::distributed

// === eigen_norm/fold/folded.hpp

/// What all folds share: the weight and the bias of a neighbouring layer as they come and as they
/// go.

namespace eigen_norm::fold {
inline namespace EIGEN_NORM_ABI {

template <typename X>
using Plain = typename memory::EigenObject<X>::Plain;
template <typename X>
using ScalarOf = typename memory::EigenObject<X>::Scalar;

template <typename Scalar>
inline constexpr bool is_real =
    !Eigen::NumTraits<Scalar>::IsInteger && !Eigen::NumTraits<Scalar>::IsComplex;

/// The weight and the bias that a layer has once a normalization is folded into it.
template <typename Weight, typename Bias>
struct Folded {
  static_assert(is_real<ScalarOf<Weight>> && is_real<ScalarOf<Bias>>,
                "eigen_norm: a weight or bias to fold into must be real and not of integers");
  Weight weight;
  Bias bias;
};

template <typename X>
inline constexpr bool is_eigen = memory::is_dense<X> || memory::is_tensor<X>;

namespace internal {

template <typename Derived, typename Scalar, int Channels, typename Options>
std::true_type is_tracking_test(const TrackingLayer<Derived, Scalar, Channels, Options>*);
std::false_type is_tracking_test(const void*);

template <typename Derived, typename Scalar, int Features, typename Options>
std::true_type is_trailing_test(const TrailingLayer<Derived, Scalar, Features, Options>*);
std::false_type is_trailing_test(const void*);

}  // namespace internal

/// BatchNorm and InstanceNorm.
template <typename Norm>
inline constexpr bool is_tracking =
    decltype(internal::is_tracking_test(std::declval<Norm*>()))::value;

/// LayerNorm and RMSNorm.
template <typename Norm>
inline constexpr bool is_trailing =
    decltype(internal::is_trailing_test(std::declval<Norm*>()))::value;

/// What is computed in: the widest of the layer's Stat and those of weight and bias.
template <typename Norm, typename Weight, typename Bias>
using Wide =
    std::common_type_t<Stat<typename Norm::Scalar>, Stat<ScalarOf<Weight>>, Stat<ScalarOf<Bias>>>;

/// The same axis counted from the front; `what` is "output" or "input".
inline int checked_axis(const std::string& layer, const char* what, Index axis, int rank) {
  if (axis < -rank || axis >= rank) {
    memory::raise_invalid(layer + ": expected an " + what + " axis from " + std::to_string(-rank) +
                          " to " + std::to_string(rank - 1) + ", got " + std::to_string(axis));
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

[[noreturn]] inline void raise_weight(const std::string& layer, const std::string& expected,
                                      int axis, const memory::Shape& shape) {
  memory::raise_invalid(layer + ": expected a weight with " + expected + " on axis " +
                        std::to_string(axis) + ", got " + shape.text());
}

/// A bias may lie along any of its axes.
inline void check_bias(const std::string& layer, Index outputs, const memory::Shape& shape) {
  if (shape.without_ones() != memory::Shape{outputs}.without_ones()) {
    memory::raise_invalid(layer + ": expected a bias of " + std::to_string(outputs) +
                          " values, got " + shape.text());
  }
}

/// visit(element, its index along the axis, its index along all others) in the order of memory; for
/// a matrix the last is the index along the other axis.
template <typename Weight, typename Visit>
void for_each_along(Weight& weight, int axis, const Visit& visit) {
  using Object = memory::EigenObject<Weight>;
  const memory::Shape shape = Object::shape(weight);
  const Index before = shape.product(0, axis), after = shape.product(axis + 1, shape.rank());
  const Index outer = Object::row_major ? before : after,
              inner = Object::row_major ? after : before;
  auto* element = weight.data();
  for (Index o = 0; o < outer; ++o) {
    for (Index along = 0; along < shape[axis]; ++along) {
      for (Index i = 0; i < inner; ++i) visit(*element++, along, o * inner + i);
    }
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::fold

// === eigen_norm/fold/into_following.hpp

namespace eigen_norm::fold {
inline namespace EIGEN_NORM_ABI {

/// What a norm's result has been multiplied by and what was added to it, by input of the layer that
/// follows: by feature, of which there must be as many as inputs.
template <typename S, typename Derived, typename Scalar, int Features, typename Options>
ChannelAffine<S> affine_of_inputs(const TrailingLayer<Derived, Scalar, Features, Options>& norm,
                                  int axis, const memory::Shape& shape) {
  const auto affine = norm.template feature_affine<S>();
  if (shape[axis] != affine.scale.size()) {
    raise_weight(norm.name(), std::to_string(affine.scale.size()) + " inputs", axis, shape);
  }
  return {affine.scale, affine.shift};
}

/// By channel: in inference, and where (C, H, W) was made flat, H * W inputs in a row meet the same
/// one, or, channels last, every C-th input.
template <typename S, typename Derived, typename Scalar, int Channels, typename Options>
ChannelAffine<S> affine_of_inputs(const TrackingLayer<Derived, Scalar, Channels, Options>& norm,
                                  int axis, const memory::Shape& shape) {
  const auto affine = norm.template inference_affine<S>();
  const Index channels = norm.num_features(), inputs = shape[axis], each = inputs / channels;
  if (inputs == 0 || inputs % channels != 0) {
    raise_weight(norm.name(), "a multiple of " + std::to_string(channels) + " inputs", axis, shape);
  }
  const bool first = norm.options().channels == ChannelAxis::first;
  ChannelAffine<S> result{Parameters<S>(inputs), Parameters<S>(inputs)};
  for (Index i = 0; i < inputs; ++i) {
    const Index c = first ? i / each : i % channels;
    result.scale[i] = affine.scale[c];
    result.shift[i] = affine.shift[c];
  }
  return result;
}

/// The fold itself, in place, on objects that own their memory.
template <typename Norm, typename Weight, typename Bias>
void fold_following(const Norm& norm, Folded<Weight, Bias>& layer, Index input_axis) {
  static_assert(is_tracking<Norm> || is_trailing<Norm>,
                "eigen_norm: into_following takes BatchNorm, or InstanceNorm with running "
                "statistics, LayerNorm or RMSNorm");
  static_assert(memory::EigenObject<Weight>::rank == 2,
                "eigen_norm: into_following takes the weight of a linear layer, a matrix; a "
                "convolution pads the norm's result with zeros, for which no bias can make up");
  using S = Wide<Norm, Weight, Bias>;
  const memory::Shape shape = memory::EigenObject<Weight>::shape(layer.weight);
  const int axis = checked_axis(norm.name(), "input", input_axis, shape.rank());
  const ChannelAffine<S> affine = affine_of_inputs<S>(norm, axis, shape);
  const Index outputs = shape[1 - axis];
  check_bias(norm.name(), outputs, memory::EigenObject<Bias>::shape(layer.bias));

  auto* const bias = layer.bias.data();
  Parameters<S> sums(outputs);
  for (Index o = 0; o < outputs; ++o) sums[o] = S(bias[o]);
  for_each_along(layer.weight, axis, [&](auto& element, Index i, Index o) {
    const S before = S(element);
    sums[o] += S(before * affine.shift[i]);
    element = kernels::rounded<ScalarOf<Weight>>(S(before * affine.scale[i]));
  });
  for (Index o = 0; o < outputs; ++o) bias[o] = kernels::rounded<ScalarOf<Bias>>(sums[o]);
}

/// y = W norm(x) + b as y = W' z + b', where z is x itself for BatchNorm, and InstanceNorm with
/// running statistics, in inference; for LayerNorm and RMSNorm it is the norm `without_affine`:
///
///     W'(o, i) = W(o, i) * scale(i),   b'(o) = b(o) + sum_i W(o, i) * shift(i)
///
/// with the scale and shift of inference_affine, or of feature_affine. The weight is a matrix, (O,
/// I) or (I, O), and `input_axis` is that of the inputs: 1 or 0, or counted from the end -1 or -2.
/// They are in the row-major order of (C, H, W), or of (H, W, C) where the norm has its channels
/// last, and for LayerNorm and RMSNorm of normalized_shape. Bias and result are as in
/// into_preceding.
///
/// Not for convolutions that pad: they pad the norm's result with zeros, but folded they would pad
/// x with zeros, whose normalised value is shift, and no bias makes up for that at the borders
/// alone.
///
/// Throws std::invalid_argument for a weight or bias of another size, and std::logic_error where
/// BatchNorm or InstanceNorm has no running statistics.
template <typename Norm, typename Weight, typename Bias, std::enable_if_t<is_eigen<Bias>, int> = 0>
auto into_following(const Norm& norm, const Weight& weight, const Bias& bias,
                    Index input_axis = 1) {
  Folded<Plain<Weight>, Plain<Bias>> layer{Plain<Weight>(weight), Plain<Bias>(bias)};
  fold_following(norm, layer, input_axis);
  return layer;
}

/// The same of a layer without a bias, which has one of the weight's scalar afterwards.
template <typename Norm, typename Weight>
auto into_following(const Norm& norm, const Weight& weight, Index input_axis = 1) {
  Folded<Plain<Weight>, Parameters<ScalarOf<Weight>>> layer{Plain<Weight>(weight), {}};
  const memory::Shape shape = memory::EigenObject<Plain<Weight>>::shape(layer.weight);
  const int axis = checked_axis(norm.name(), "input", input_axis, shape.rank());
  layer.bias.setZero(shape.without(axis).size());
  fold_following(norm, layer, input_axis);
  return layer;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::fold

// === eigen_norm/fold/into_preceding.hpp

namespace eigen_norm::fold {
inline namespace EIGEN_NORM_ABI {

/// The fold itself, in place, on objects that own their memory.
template <typename Norm, typename Weight, typename Bias>
void fold_preceding(const Norm& norm, Folded<Weight, Bias>& layer, Index output_axis) {
  static_assert(is_tracking<Norm>,
                "eigen_norm: into_preceding takes BatchNorm, or InstanceNorm with running "
                "statistics; the statistics of other layers are those of each input");
  static_assert(memory::EigenObject<Weight>::rank > 0,
                "eigen_norm: into_preceding takes a weight with an axis of its outputs");
  using S = Wide<Norm, Weight, Bias>;
  const auto affine = norm.template inference_affine<S>();
  const memory::Shape shape = memory::EigenObject<Weight>::shape(layer.weight);
  const int axis = checked_axis(norm.name(), "output", output_axis, shape.rank());
  const Index channels = norm.num_features();
  if (shape[axis] != channels) {
    raise_weight(norm.name(), std::to_string(channels) + " outputs", axis, shape);
  }
  check_bias(norm.name(), channels, memory::EigenObject<Bias>::shape(layer.bias));

  for_each_along(layer.weight, axis, [&](auto& element, Index c, Index) {
    element = kernels::rounded<ScalarOf<Weight>>(S(S(element) * affine.scale[c]));
  });
  auto* const bias = layer.bias.data();
  for (Index c = 0; c < channels; ++c) {
    // The mean goes first: it is mostly the old bias, and nothing is lost where they are alike.
    const S centred = S(bias[c]) - S(norm.running_mean()[c]), scaled = centred * affine.scale[c];
    const S beta = norm.beta().size() > 0 ? S(norm.beta()[c]) : S(0);
    bias[c] = kernels::rounded<ScalarOf<Bias>>(S(scaled + beta));
  }
}

/// y = norm(W x + b) in inference as y = W' x + b', for BatchNorm, and InstanceNorm with running
/// statistics, behind a convolution or a linear layer whose outputs are the norm's channels:
///
///     W'(c, ...) = W(c, ...) * scale(c),   b'(c) = (b(c) - mean(c)) * scale(c) + beta(c)
///     scale(c) = gamma(c) / sqrt(var(c) + eps)
///
/// The outputs run along `output_axis` of the weight, which counts from the end where it is
/// negative: 0 for (O, I) and (O, I / groups, kH, kW), 1 for a transposed convolution (I, O, kH,
/// kW), -1 for Keras' (kH, kW, I, O). The bias is any vector. Both are returned as owning objects
/// of their kind and scalar, computed in double and rounded once. The norm stays as it is, and its
/// mode does not matter.
///
/// Throws std::invalid_argument for a weight or bias of another size, and std::logic_error where
/// the norm has no running statistics.
template <typename Norm, typename Weight, typename Bias, std::enable_if_t<is_eigen<Bias>, int> = 0>
auto into_preceding(const Norm& norm, const Weight& weight, const Bias& bias,
                    Index output_axis = 0) {
  Folded<Plain<Weight>, Plain<Bias>> layer{Plain<Weight>(weight), Plain<Bias>(bias)};
  fold_preceding(norm, layer, output_axis);
  return layer;
}

/// The same of a layer without a bias, which has one of the weight's scalar afterwards.
template <typename Norm, typename Weight>
auto into_preceding(const Norm& norm, const Weight& weight, Index output_axis = 0) {
  Folded<Plain<Weight>, Parameters<ScalarOf<Weight>>> layer{Plain<Weight>(weight), {}};
  const memory::Shape shape = memory::EigenObject<Plain<Weight>>::shape(layer.weight);
  const int axis = checked_axis(norm.name(), "output", output_axis, shape.rank());
  layer.bias.setZero(shape[axis]);
  fold_preceding(norm, layer, output_axis);
  return layer;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::fold

// === eigen_norm/fold/without_affine.hpp

namespace eigen_norm::fold {
inline namespace EIGEN_NORM_ABI {

/// What stays of a norm whose gamma and beta are folded into the layer that follows: the same
/// without them.
template <typename Scalar, int Features>
LayerNorm<Scalar, Features> without_affine(const LayerNorm<Scalar, Features>& norm) {
  LayerNormOptions options = norm.options();
  options.gamma = options.beta = false;
  return LayerNorm<Scalar, Features>(norm.normalized_shape(), options);
}

template <typename Scalar, int Features>
RMSNorm<Scalar, Features> without_affine(const RMSNorm<Scalar, Features>& norm) {
  RMSNormOptions options = norm.options();
  options.gamma = false;
  return RMSNorm<Scalar, Features>(norm.normalized_shape(), options);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::fold

// === eigen_norm/gradient_check.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

struct GradientCheckOptions {
  double step = 1e-3;        ///< h, in the units of x: about a thousandth of the spread of the data
  std::uint64_t seed = 1;    ///< of the cotangent, and of the choice of coordinates
  Eigen::Index most = 1000;  ///< coordinates checked in each tensor; of a larger one, a sample
};

/// The worst coordinate of one tensor: "x", or a parameter by its name ("weight", "bias").
struct GradientCheckEntry {
  std::string name;
  Eigen::Index checked = 0;  ///< coordinates
  Eigen::Index where = 0;    ///< offset into data()
  double analytic = 0;
  double numeric = 0;
  double error = 0;  ///< |analytic - numeric| / max(1, |analytic|, |numeric|); infinite for NaN
};

struct GradientReport {
  std::vector<GradientCheckEntry> entries;
  std::vector<std::string> faults;  ///< broken promises that no single coordinate shows

  /// The worst relative error; infinite when a promise is broken.
  double worst() const {
    double result = faults.empty() ? 0 : std::numeric_limits<double>::infinity();
    for (const auto& entry : entries) result = std::max(result, entry.error);
    return result;
  }

  std::string to_string() const {
    std::ostringstream text;
    for (const auto& [name, checked, where, analytic, numeric, error] : entries) {
      text << name << ": error " << error << " at [" << where << "], analytic " << analytic
           << ", numeric " << numeric << ", " << checked << " coordinates\n";
    }
    for (const auto& fault : faults) text << fault << '\n';
    return text.str();
  }
};

namespace internal {

/// Callable where the layer has the function that writes into its last argument.
inline constexpr auto forward_into = [](auto& layer, const auto& x,
                                        auto& y) -> decltype(layer.forward(x, y)) {
  return layer.forward(x, y);
};
inline constexpr auto backward_into = [](auto& layer, const auto& x, const auto& dy,
                                         auto& dx) -> decltype(layer.backward(x, dy, dx)) {
  return layer.backward(x, dy, dx);
};

template <typename Object>
void poison(Object& object) {
  std::fill_n(object.data(), object.size(), std::numeric_limits<double>::quiet_NaN());
}

inline double relative_error(double a, double b) {
  const double error = std::abs(a - b) / std::max({1.0, std::abs(a), std::abs(b)});
  return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

template <typename A, typename B>
bool agree(const A& a, const B& b) {
  return std::equal(a.data(), a.data() + a.size(), b.data(), b.data() + b.size(),
                    [](double x, double y) { return relative_error(x, y) <= 1e-12; });
}

/// sum(dy * forward(x)) is the loss whose gradients are compared.
template <typename Layer, typename X, typename Y>
class GradientChecker {
 public:
  GradientChecker(const Layer& layer, const X& x, const GradientCheckOptions& options)
      : layer_(layer), x_(x), y_(layer_.forward(x_)), dy_(y_), options_(options) {
    std::uniform_real_distribution<double> uniform(-1, 1);
    std::generate_n(dy_.data(), dy_.size(), [&] { return uniform(random_); });
  }

  GradientReport run() {
    if constexpr (std::is_invocable_v<decltype(forward_into), Layer&, const X&, Y&>) {
      Layer copy = layer_;
      Y written = y_;
      poison(written);
      forward_into(copy, x_, written);
      require(agree(written, y_), "y: forward(x, y) does not write what forward(x) returns");
    }
    layer_.for_each_parameter([](std::string_view, auto&, auto& grad) { poison(grad); });
    layer_.zero_grad();
    const X dx = backward_into_poison();
    const auto once = gradients();
    require(agree(layer_.backward(x_, dy_), dx), "x: a second backward gives another dx");
    const auto twice = gradients();

    compare("x", dx, [](Layer&, X& x, Eigen::Index i, double t) { x.data()[i] += t; });
    for (std::size_t p = 0; p < once.size(); ++p) {
      const auto& [name, gradient] = once[p];
      compare(name, gradient, [p](Layer& layer, X&, Eigen::Index i, double t) {
        std::size_t position = 0;
        layer.for_each_parameter([&](std::string_view, auto& value, auto&) {
          if (position++ == p) value.data()[i] += t;
        });
      });
      require(agree(twice[p].second, Eigen::ArrayXd(2 * gradient)),
              name + ": a second backward does not add to the gradient");
    }
    return report_;
  }

 private:
  void require(bool kept, const std::string& fault) {
    if (!kept) report_.faults.push_back(fault);
  }

  X backward_into_poison() {
    if constexpr (std::is_invocable_v<decltype(backward_into), Layer&, const X&, const Y&, X&>) {
      X dx = x_;
      poison(dx);
      backward_into(layer_, x_, dy_, dx);
      return dx;
    } else {
      return layer_.backward(x_, dy_);
    }
  }

  std::vector<std::pair<std::string, Eigen::ArrayXd>> gradients() {
    std::vector<std::pair<std::string, Eigen::ArrayXd>> result;
    layer_.for_each_parameter([&](std::string_view name, auto&, auto& grad) {
      result.emplace_back(name, Eigen::Map<const Eigen::ArrayXd>(grad.data(), grad.size()));
    });
    return result;
  }

  /// nudge(layer, x, i, t) adds t to coordinate i of the tensor in question. The difference is of
  /// the fourth order: its own error is of size h^4, and rounding costs epsilon / h.
  template <typename Analytic, typename Nudge>
  void compare(const std::string& name, const Analytic& analytic, Nudge nudge) {
    GradientCheckEntry worst{name, std::min(analytic.size(), options_.most)};
    const double h = options_.step;
    std::uniform_int_distribution<Eigen::Index> any(0,
                                                    std::max<Eigen::Index>(1, analytic.size()) - 1);
    for (Eigen::Index k = 0; k < worst.checked; ++k) {
      const Eigen::Index i = analytic.size() == worst.checked ? k : any(random_);
      const auto loss = [&](double t) {
        Layer layer = layer_;
        X x = x_;
        nudge(layer, x, i, t);
        const Y y = layer.forward(x);
        return Eigen::Map<const Eigen::VectorXd>(y.data(), y.size())
            .dot(Eigen::Map<const Eigen::VectorXd>(dy_.data(), dy_.size()));
      };
      const double numeric = (loss(-2 * h) - 8 * loss(-h) + 8 * loss(h) - loss(2 * h)) / (12 * h);
      const double error = relative_error(analytic.data()[i], numeric);
      if (k > 0 && error <= worst.error) continue;
      worst = {name, worst.checked, i, analytic.data()[i], numeric, error};
    }
    report_.entries.push_back(worst);
  }

  Layer layer_;
  X x_;
  Y y_;
  Y dy_;
  GradientCheckOptions options_;
  std::mt19937_64 random_{options_.seed};
  GradientReport report_;
};

}  // namespace internal

/// Compares a layer's gradients with differences of its forward, in the mode the layer is in. The
/// layer is a copyable value in double with forward(x), backward(x, dy), zero_grad() and
/// for_each_parameter(visit(name, value, grad)); x is an owning matrix, array or tensor. dy is
/// random. Also checked: that forward(x, y) and backward(x, dy, dx), where the layer has them,
/// write every element, and that backward adds to the gradients, which zero_grad clears.
template <typename Layer, typename X>
GradientReport check_gradients(const Layer& layer, const X& x,
                               const GradientCheckOptions& options = {}) {
  static_assert(std::is_same_v<typename X::Scalar, double>,
                "check_gradients needs a layer in double: differences in float prove nothing");
  using Y = std::decay_t<decltype(std::declval<Layer&>().forward(x))>;
  return internal::GradientChecker<Layer, X, Y>(layer, x, options).run();
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/threads/parallel_scope.hpp

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// While it lives, layers that the calling thread runs work on an Eigen::ThreadPoolDevice:
///
///     Eigen::ThreadPool pool(4);
///     Eigen::ThreadPoolDevice device(&pool, 4);
///     ParallelScope scope(device);
///     norm.forward(x, y);
///
/// Other threads are not concerned. The results are the same bits as without it. (As ever with
/// Eigen, ThreadPoolDevice asks for EIGEN_USE_THREADS before the first include.)
template <typename Device>
class ParallelScope : private kernels::Executor {
 public:
  explicit ParallelScope(const Device& device) : device_(device) {
    kernels::current_executor() = this;
  }
  explicit ParallelScope(const Device&& device) = delete;  // it would be gone
  ~ParallelScope() override { kernels::current_executor() = outside_; }
  ParallelScope(const ParallelScope&) = delete;
  ParallelScope& operator=(const ParallelScope&) = delete;

 private:
  void run(Index tasks, Task task, const void* context) const override {
    if (device_.currentThreadId() >= 0) {  // a thread of the pool itself must not wait for it
      for (Index index = 0; index < tasks; ++index) task(context, index);
      return;
    }
    // Dear enough for Eigen to give every task a thread.
    const Eigen::TensorOpCost cost(0, 0, 1e6);
    device_.parallelFor(tasks, cost, [=](Index begin, Index end) {
      for (Index index = begin; index < end; ++index) task(context, index);
    });
  }

  const Device& device_;
  const kernels::Executor* outside_ = kernels::current_executor();
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

// === eigen_norm/version.hpp

// The one place that holds the version: the build system reads these three lines.
#define EIGEN_NORM_VERSION_MAJOR 0
#define EIGEN_NORM_VERSION_MINOR 1
#define EIGEN_NORM_VERSION_PATCH 0
