// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "eigen_norm/kernels/pack.hpp"
#include "eigen_norm/kernels/simd_memory.hpp"

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
