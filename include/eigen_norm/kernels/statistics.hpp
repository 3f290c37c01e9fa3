// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <limits>
#include <type_traits>

#include "eigen_norm/kernels/moments.hpp"
#include "eigen_norm/kernels/pack.hpp"
#include "eigen_norm/kernels/scalar.hpp"

namespace eigen_norm::kernels {

/// `count` runs of `length` adjacent elements, `stride` apart.
template <typename Scalar>
struct Runs {
  const Scalar* data;
  Index count;
  Index stride;
  Index length;

  Index size() const { return count * length; }
};

/// Elements visited together: few enough to stay in the first-level cache for a
/// second pass.
inline constexpr Index chunk_size = 2048;

/// Rows of a column chunk, for the same reason.
inline constexpr Index chunk_rows = 32;

/// Calls f(first run, runs, first element, elements) for pieces of at most
/// `chunk_size` elements: parts of one run where runs are long, several whole
/// runs where they are short.
template <typename F>
void for_each_chunk(Index count, Index length, const F& f) {
  if (length >= chunk_size) {
    for (Index run = 0; run < count; ++run) {
      for (Index begin = 0; begin < length; begin += chunk_size) {
        f(run, Index{1}, begin, std::min(chunk_size, length - begin));
      }
    }
  } else {
    const Index together = std::max<Index>(1, chunk_size / length);
    for (Index run = 0; run < count; run += together) {
      f(run, std::min(together, count - run), Index{0}, length);
    }
  }
}

/// False where a sum of squares left the range in which `Compute` holds it to
/// full precision.
template <typename Compute>
bool is_trustworthy(const Compute& squares) {
  using Limits = std::numeric_limits<Compute>;
  return squares >= Limits::min() / Limits::epsilon() && squares <= Limits::max();
}

/// Moments of one chunk: two passes over it while it is in the cache.
///
///     shift = x_0                    constants give exactly zero below
///     c     = shift + sum_i (x_i - shift) / n,  rounded to Compute
///     r     = sum_i (x_i - c),   q = sum_i (x_i - c)^2
///     mean  = c + r / n,         m2 = q - r^2 / n
///
/// The residue r is what c lost by rounding. Where q over- or underflows, the
/// chunk is done again in the wider type.
template <typename Compute, typename Scalar>
Moments<Stat<Scalar>> chunk_moments(const Runs<Scalar>& x) {
  using S = Stat<Scalar>;
  const S n = S(static_cast<double>(x.size()));
  const Compute shift = static_cast<Compute>(x.data[0]);

  Sums<Compute, 1> first;
  for (Index j = 0; j < x.count; ++j) {
    const Scalar* run = x.data + j * x.stride;
    first.add(x.length, [&](auto at) {
      auto d = at(run);
      d -= shift;
      return terms(d);
    });
  }
  const Compute c = static_cast<Compute>(S(shift) + S(first.total(0)) / n);

  Sums<Compute, 2> second;
  for (Index j = 0; j < x.count; ++j) {
    const Scalar* run = x.data + j * x.stride;
    second.add(x.length, [&](auto at) {
      auto d = at(run);
      d -= c;
      return terms(d, d * d);
    });
  }
  const S r = S(second.total(0));
  const S q = S(second.total(1));
  if constexpr (!std::is_same_v<Compute, S>) {
    if (!is_trustworthy(second.total(1))) return chunk_moments<S>(x);
  }
  return {x.size(), S(c) + r / n, q - r * r / n};
}

/// Moments of all elements of some runs, chunk by chunk, merged in order.
template <typename Scalar>
Moments<Stat<Scalar>> run_moments(const Runs<Scalar>& x) {
  Moments<Stat<Scalar>> all;
  for_each_chunk(x.count, x.length, [&](Index run, Index runs, Index begin, Index length) {
    const Scalar* data = x.data + run * x.stride + begin;
    all.merge(chunk_moments<Param<Scalar>>(Runs<Scalar>{data, runs, x.stride, length}));
  });
  return all;
}

/// `count` rows of adjacent lanes: row j = (j / inner_count, j % inner_count)
/// begins at (j / inner_count) * stride + (j % inner_count) * inner_stride.
struct Rows {
  Index count;
  Index stride;
  Index inner_count = 1;
  Index inner_stride = 0;

  Index offset(Index row) const {
    return row / inner_count * stride + row % inner_count * inner_stride;
  }
};

/// term(0) + ... + term(Count - 1) of arrays of packs, pairwise. Count is a
/// power of two.
template <int Count, int First = 0, typename Term>
auto pairwise_sum(const Term& term) {
  if constexpr (Count == 1) {
    return term(First);
  } else {
    auto sum = pairwise_sum<Count / 2, First>(term);
    const auto rest = pairwise_sum<Count / 2, First + Count / 2>(term);
    for (std::size_t t = 0; t < sum.size(); ++t) sum[t] += rest[t];
    return sum;
  }
}

/// Adds term(lanes, place(row), l), an array of packs, over rows [begin, end)
/// to the tiles `sums` for each of `width` lanes: eight rows at a time, so that
/// memory is read in eight streams and the sums are touched once for eight
/// rows.
template <typename Compute, std::size_t Terms, typename Place, typename Term>
void add_rows(Index begin, Index end, Index width, std::array<Tile<Compute>, Terms>& sums,
              const Place& place, const Term& term) {
  const auto step = [&](auto count, Index row) {
    std::array<decltype(place(row)), count.value> places;
    for (std::size_t j = 0; j < places.size(); ++j) places[j] = place(row + static_cast<Index>(j));
    for_each_pack<Compute>(width, [&](auto lanes, Index l) {
      const auto sum = pairwise_sum<count.value>(
          [&](int j) { return term(lanes, places[static_cast<std::size_t>(j)], l); });
      for (std::size_t t = 0; t < Terms; ++t) {
        Compute* total = sums[t].data() + l;
        store<lanes.value>(total, load<Compute, lanes.value>(total) + sum[t]);
      }
    });
  };
  Index row = begin;
  for (; row + 8 <= end; row += 8) step(std::integral_constant<int, 8>{}, row);
  for (; row < end; ++row) step(std::integral_constant<int, 1>{}, row);
}

/// The arithmetic of chunk_moments for each of `width` adjacent lanes over rows
/// [begin, end), added to the moments of the `begin` rows before.
template <typename Compute, typename Scalar>
void add_lane_moments(const Scalar* x, const Rows& rows, Index begin, Index end, Index width,
                      Stat<Scalar>* mean, Stat<Scalar>* m2) {
  using S = Stat<Scalar>;
  const S n = S(static_cast<double>(end - begin));
  const Scalar* shift = x + rows.offset(begin);

  std::array<Tile<Compute>, 1> first{};
  const auto place = [&](Index row) { return x + rows.offset(row); };
  add_rows<Compute>(begin, end, width, first, place, [&](auto lanes, const Scalar* row, Index l) {
    auto d = load<Compute, lanes.value>(row + l);
    d -= load<Compute, lanes.value>(shift + l);
    return terms(d);
  });
  Tile<Compute>& c = first[0];
  for (Index l = 0; l < width; ++l) {
    const auto i = static_cast<std::size_t>(l);
    c[i] = static_cast<Compute>(S(static_cast<Compute>(shift[l])) + S(c[i]) / n);
  }

  std::array<Tile<Compute>, 2> second{};
  add_rows<Compute>(begin, end, width, second, place, [&](auto lanes, const Scalar* row, Index l) {
    auto d = load<Compute, lanes.value>(row + l);
    d -= load<Compute, lanes.value>(c.data() + l);
    return terms(d, d * d);
  });
  if constexpr (!std::is_same_v<Compute, S>) {
    bool trustworthy = true;
    for (Index l = 0; l < width; ++l) {
      trustworthy &= is_trustworthy(second[1][static_cast<std::size_t>(l)]);
    }
    if (!trustworthy) return add_lane_moments<S>(x, rows, begin, end, width, mean, m2);
  }

  const S before = S(static_cast<double>(begin)), share = n / (before + n);
  for_each_pack<S>(width, [&](auto lanes, Index l) {
    constexpr int size = lanes.value;
    const Pack<S, size> residue = load<S, size>(second[0].data() + l);
    const Pack<S, size> chunk_mean = load<S, size>(c.data() + l) + residue / n;
    const Pack<S, size> chunk_m2 = load<S, size>(second[1].data() + l) - residue * residue / n;
    if (begin == 0) {
      store<size>(mean + l, chunk_mean);
      store<size>(m2 + l, chunk_m2);
    } else {
      const Pack<S, size> delta = chunk_mean - load<S, size>(mean + l);
      store<size>(mean + l, load<S, size>(mean + l) + delta * share);
      store<size>(m2 + l, load<S, size>(m2 + l) + chunk_m2 + delta * delta * S(before * share));
    }
  });
}

/// Moments of each of `width` adjacent lanes over some rows, at most a tile of
/// them.
template <typename Scalar>
void lane_moments(const Scalar* x, const Rows& rows, Index width, Stat<Scalar>* mean,
                  Stat<Scalar>* m2) {
  for (Index begin = 0; begin < rows.count; begin += chunk_rows) {
    const Index end = std::min(begin + chunk_rows, rows.count);
    add_lane_moments<Param<Scalar>>(x, rows, begin, end, width, mean, m2);
  }
}

}  // namespace eigen_norm::kernels
