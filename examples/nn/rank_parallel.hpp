// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <eigen_norm/distributed/communicator.hpp>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/softmax_cross_entropy.hpp"
#include "nn/training.hpp"
#include "nn/types.hpp"

namespace nn {

/// One step of a batch on several ranks: each has a model of the same weights and a share of the
/// batch, and the gradients are added up in the order of ranks, so that all have the same bits. A
/// BatchNorm takes the statistics of its rank's share, a SyncBatchNorm those of the batch.
///
/// Every rank gathers the gradients of every other, which is simple, and right for a few ranks;
/// many would add up a piece each and gather the sums.
class RankParallel {
 public:
  using Communicator = eigen_norm::distributed::Communicator;

  explicit RankParallel(std::shared_ptr<Communicator> ranks) : ranks_(std::move(ranks)) {}

  /// Of these rows those of this rank: as many as the others have, or one more.
  std::vector<Index> share(const std::vector<Index>& rows) const {
    const auto count = static_cast<Index>(rows.size());
    const auto first = [&](int rank) { return rows.begin() + count * rank / ranks_->size(); };
    return {first(ranks_->rank()), first(ranks_->rank() + 1)};
  }

  /// Leaves in the model the gradients of the mean loss of all `rows`, and returns that loss.
  template <typename Model, typename Samples>
  double gradients(Model& model, const Samples& x, const Labels& labels,
                   const std::vector<Index>& rows) {
    const std::vector<Index> mine = share(rows);
    const double part = static_cast<double>(mine.size()) / static_cast<double>(rows.size());
    const Samples samples = gather(x, mine);
    auto [loss, dlogits] = softmax_cross_entropy(model.forward(samples), gather(labels, mine));
    flat(dlogits) *= static_cast<typename decltype(dlogits)::Scalar>(part);
    model.zero_grad();
    model.backward(samples, dlogits);
    return sum(model, loss * part);
  }

  /// Whether it is true on any rank.
  bool any(bool here) {
    const double mine = here ? 1 : 0;
    const double* const all = ranks_->all_gather(&mine, 1, "the question whether to stop");
    return Eigen::Map<const Eigen::ArrayXd>(all, ranks_->size()).maxCoeff() > 0;
  }

 private:
  /// Of the gradients of all ranks and of their numbers.
  template <typename Model>
  double sum(Model& model, double number) {
    mine_.assign(1, number);
    model.for_each_parameter([&](std::string_view, auto&, auto& grad) {
      for (const auto value : flat(grad)) mine_.push_back(static_cast<double>(value));
    });
    const auto count = static_cast<Index>(mine_.size());
    const double* const all = ranks_->all_gather(mine_.data(), count, "the gradients");
    Eigen::Map<Eigen::ArrayXd> sums(mine_.data(), count);
    sums.setZero();
    for (int rank = 0; rank < ranks_->size(); ++rank) {
      sums += Eigen::Map<const Eigen::ArrayXd>(all + rank * count, count);
    }
    const double* next = mine_.data() + 1;
    model.for_each_parameter([&](std::string_view, auto&, auto& grad) {
      for (auto& value : flat(grad)) value = static_cast<std::decay_t<decltype(value)>>(*next++);
    });
    return mine_[0];
  }

  std::shared_ptr<Communicator> ranks_;
  std::vector<double> mine_;
};

}  // namespace nn
