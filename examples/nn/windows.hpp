// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "nn/embedding.hpp"
#include "nn/random.hpp"
#include "nn/types.hpp"

namespace nn {

/// N windows of T characters of a text, and for each character the one that follows it.
struct Windows {
  Tokens tokens;  // (N, T)
  Labels next;    // (N*T), in the order of the rows of the logits
};

/// The windows that begin at `starts`; T + 1 characters must follow each start.
inline Windows windows(const Labels& text, const std::vector<Index>& starts, Index context) {
  const auto count = static_cast<Index>(starts.size());
  Windows result{Tokens(count, context), Labels(count * context)};
  Index n = 0;
  for (const Index start : starts) {
    eigen_assert(0 <= start && start + context < text.size());
    result.tokens.row(n) = text.segment(start, context);
    result.next.segment(n * context, context) = text.segment(start + 1, context);
    ++n;
  }
  return result;
}

/// To learn from: where a window may begin, drawn with repetition.
inline std::vector<Index> random_starts(const Labels& text, Index context, Index count,
                                        Random& random) {
  std::vector<Index> starts(static_cast<std::size_t>(count));
  for (Index& start : starts) {
    start = random.below(text.size() - context);
  }
  return starts;
}

/// To judge by: side by side from the beginning, so that every character but the first and a rest
/// shorter than a window is predicted once.
inline std::vector<Index> all_starts(const Labels& text, Index context) {
  std::vector<Index> starts;
  for (Index start = 0; start + context < text.size(); start += context) {
    starts.push_back(start);
  }
  return starts;
}

}  // namespace nn
