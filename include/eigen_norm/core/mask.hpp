// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "eigen_norm/memory/input.hpp"

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
