// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "nn/random.hpp"
#include "nn/types.hpp"

namespace nn {

struct Split {
  std::vector<Index> train;
  std::vector<Index> held_out;
};

/// Deals the samples into folds, each class as evenly as it goes, in random order; split k holds
/// out fold k and trains on the others. Every class goes on dealing where the class before it
/// stopped, so that the folds, too, are of equal size to within one sample.
inline std::vector<Split> stratified_folds(const Labels& labels, Index folds, Random& random) {
  std::vector<Index> next_fold(static_cast<std::size_t>(labels.maxCoeff()) + 1);
  Index dealt = 0;
  for (std::size_t c = 0; c < next_fold.size(); ++c) {
    next_fold[c] = dealt % folds;
    dealt += (labels == static_cast<int>(c)).count();
  }

  std::vector<Split> splits(static_cast<std::size_t>(folds));
  for (const Index sample : random.permutation(labels.size())) {
    Index& fold = next_fold[static_cast<std::size_t>(labels(sample))];
    for (Index k = 0; k < folds; ++k) {
      Split& split = splits[static_cast<std::size_t>(k)];
      (k == fold ? split.held_out : split.train).push_back(sample);
    }
    fold = (fold + 1) % folds;
  }
  return splits;
}

}  // namespace nn
