// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "nn/types.hpp"

namespace nn {

/// The class with the largest logit, of each row.
template <typename Scalar>
Labels predictions(const Matrix<Scalar>& logits) {
  Labels result(logits.rows());
  for (Index n = 0; n < logits.rows(); ++n) {
    logits.row(n).maxCoeff(&result(n));
  }
  return result;
}

/// The share of rows whose largest logit is the label's.
template <typename Scalar>
double accuracy(const Matrix<Scalar>& logits, const Labels& labels) {
  const auto right = static_cast<double>((predictions(logits) == labels).count());
  return right / static_cast<double>(labels.size());
}

/// The area under the ROC curve: the probability that a positive (label 1) has a higher score than
/// a negative (label 0), ties counting half. From the ranks of the scores, equal scores sharing
/// their mean rank:  auc = (sum of the positives' ranks - P (P + 1) / 2) / (P N).
inline double area_under_roc(const Eigen::ArrayXd& scores, const Labels& labels) {
  std::vector<Index> order(static_cast<std::size_t>(scores.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::sort(order.begin(), order.end(), [&](Index a, Index b) { return scores(a) < scores(b); });

  double rank_sum = 0.0;
  for (auto first = order.begin(); first != order.end();) {
    const auto last =
        std::find_if(first, order.end(), [&](Index i) { return scores(i) != scores(*first); });
    const auto before = static_cast<double>(first - order.begin());
    const double mean_rank = before + (static_cast<double>(last - first) + 1.0) / 2.0;
    for (; first != last; ++first) {
      rank_sum += labels(*first) == 1 ? mean_rank : 0.0;
    }
  }
  const auto positives = static_cast<double>((labels == 1).count());
  const auto negatives = static_cast<double>(labels.size()) - positives;
  return (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives);
}

/// Mean and standard deviation (n - 1) of repeated measurements.
struct Summary {
  double mean;
  double sd;

  explicit Summary(const std::vector<double>& values) {
    const Eigen::Map<const Eigen::ArrayXd> v(values.data(), static_cast<Index>(values.size()));
    mean = v.mean();
    sd = v.size() > 1 ? std::sqrt((v - mean).square().sum() / static_cast<double>(v.size() - 1))
                      : 0.0;
  }
};

}  // namespace nn
