// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "eigen_norm/distributed/sync_batch_norm.hpp"
#include "support/layer_check.hpp"
#include "support/random.hpp"

// What one rank checks of a synchronised layer, whatever carries the messages.
namespace eigen_norm::test {

using Ranks = std::shared_ptr<distributed::Communicator>;

// Shares of a batch, one for each rank; the first sample of each.
struct Shares {
  std::vector<Index> sizes;

  Index begin(int rank) const {
    Index sum = 0;
    for (int before = 0; before < rank; ++before) sum += sizes[static_cast<std::size_t>(before)];
    return sum;
  }
  Index end(int rank) const { return begin(rank + 1); }
  Index samples() const { return begin(static_cast<int>(sizes.size())); }
};

// Unequal shares, some of them empty where there is room for that, for any number of ranks.
inline std::vector<Shares> awkward_shares(int ranks) {
  Shares equal{std::vector<Index>(static_cast<std::size_t>(ranks), 3)};
  Shares growing = equal, one_holds_all = equal, holes = equal;
  for (std::size_t rank = 0; rank < equal.sizes.size(); ++rank) {
    growing.sizes[rank] = static_cast<Index>(2 + rank);
    one_holds_all.sizes[rank] = rank + 1 == equal.sizes.size() ? 5 : 0;
    holes.sizes[rank] = rank % 2 == 0 ? 4 : 0;
  }
  return {equal, growing, one_holds_all, holes};
}

// Whether these numbers have the same bits on every rank.
template <typename Numbers>
bool are_the_same_everywhere(const Ranks& ranks, const Numbers& numbers) {
  const Eigen::ArrayXd mine = numbers.template cast<double>();
  const double* const all = ranks->all_gather(mine.data(), mine.size(), "a test");
  for (int rank = 0; rank < ranks->size(); ++rank) {
    const double* const theirs = all + rank * mine.size();
    const std::size_t bytes = sizeof(double) * static_cast<std::size_t>(mine.size());
    if (bytes > 0 && std::memcmp(mine.data(), theirs, bytes) != 0) return false;
  }
  return true;
}

template <typename Numbers>
Values sum_over(const Ranks& ranks, const Numbers& numbers) {
  const Eigen::ArrayXd mine = numbers.template cast<double>();
  const double* const all = ranks->all_gather(mine.data(), mine.size(), "a test");
  Values sum(static_cast<std::size_t>(mine.size()), 0);
  for (int rank = 0; rank < ranks->size(); ++rank) {
    for (std::size_t i = 0; i < sum.size(); ++i) {
      sum[i] += all[static_cast<std::size_t>(rank) * sum.size() + i];
    }
  }
  return sum;
}

// Three training steps and one in eval of a layer over all ranks, against those of BatchNorm on the
// whole batch: y, dx, gradients and running statistics. `dims` are those of a batch of one.
template <typename Object, typename Sync, typename Whole>
void expect_the_share_of_the_whole(const Ranks& ranks, const Shares& shares, Dims dims,
                                   const BatchNormOptions& options, Real tolerance) {
  using Param = typename std::decay_t<decltype(std::declval<Whole&>().gamma())>::Scalar;
  const Index channels = dims[options.channels == ChannelAxis::first ? 1 : dims.size() - 1];
  dims[0] = shares.samples();
  Whole whole(channels, options);
  set_affine(whole, {options.gamma ? random_gamma(channels, 3) : Values(),
                     options.beta ? random_beta(channels, 4) : Values()});
  Sync sync(whole, ranks);
  const int rank = ranks->rank();
  const auto share = [&](const Logical& batch) {
    return samples_of(batch, shares.begin(rank), shares.end(rank));
  };
  const auto sums = [&](const Values& got, const Values& want, const char* what) {
    const Real terms = static_cast<Real>(count(dims)) / static_cast<Real>(channels);
    expect_close(what, got, want, sum_tolerance<Param>, std::sqrt(terms));
  };
  for (unsigned step = 0; step < 4; ++step) {
    SCOPED_TRACE("step " + std::to_string(step) + " on rank " + std::to_string(rank));
    if (step == 3) {
      whole.eval();
      sync.eval();
    }
    const Logical x = random_normal(dims, 10 + step, 2, 3), dy = random_normal(dims, 20 + step);
    whole.zero_grad();
    sync.zero_grad();
    const Logical y = from_eigen(whole.forward(to_eigen<Object>(x)));
    const Logical dx = from_eigen(whole.backward(to_eigen<Object>(x), to_eigen<Object>(dy)));

    const Object part = to_eigen<Object>(share(x)), dpart = to_eigen<Object>(share(dy));
    expect_close("y", from_eigen(sync.forward(part)), share(y), tolerance);
    if (step == 1) sync.start_backward(part, dpart);
    expect_close("dx", from_eigen(sync.backward(part, dpart)), share(dx), tolerance);
    if (options.gamma) {
      sums(sum_over(ranks, sync.gamma_grad()), from_parameters(whole.gamma_grad()), "dgamma");
    }
    if (options.beta) {
      sums(sum_over(ranks, sync.beta_grad()), from_parameters(whole.beta_grad()), "dbeta");
    }
    const auto same = [&](const char* what, const auto& got, const auto& want) {
      expect_close(what, from_parameters(got), from_parameters(want), tolerance);
      EXPECT_TRUE(are_the_same_everywhere(ranks, got)) << what;
    };
    same("running_mean", sync.running_mean(), whole.running_mean());
    same("running_var", sync.running_var(), whole.running_var());
    if (sync.is_training()) {
      same("batch_mean", sync.batch_mean(), whole.batch_mean());
      same("batch_inv_std", sync.batch_inv_std(), whole.batch_inv_std());
    }
    EXPECT_EQ(sync.num_batches_tracked(), whole.num_batches_tracked());
  }
}

// The same for matrices and images, both storage orders, channels first and last.
inline void expect_shares_of_the_whole(const Ranks& ranks) {
  for (const Shares& shares : awkward_shares(ranks->size())) {
    BatchNormOptions options;
    options.momentum = 0.3;
    expect_the_share_of_the_whole<Eigen::MatrixXd, SyncBatchNorm1d<double>, BatchNorm1d<double>>(
        ranks, shares, {1, 5}, options, 1e-12L);
    using RowMajor = Eigen::Tensor<double, 4, Eigen::RowMajor>;
    expect_the_share_of_the_whole<RowMajor, SyncBatchNorm2d<double>, BatchNorm2d<double>>(
        ranks, shares, {1, 3, 4, 5}, options, 1e-12L);
    expect_the_share_of_the_whole<Eigen::Tensor<double, 5>, SyncBatchNorm3d<double>,
                                  BatchNorm3d<double>>(ranks, shares, {1, 2, 3, 2, 2}, options,
                                                       1e-12L);
    options.channels = ChannelAxis::last;
    options.running_variance = RunningVariance::biased;
    options.momentum = std::nullopt;
    expect_the_share_of_the_whole<RowMajor, SyncBatchNorm2d<double>, BatchNorm2d<double>>(
        ranks, shares, {1, 4, 5, 3}, options, 1e-12L);
    options.gamma = options.beta = false;
    using Floats = Eigen::Tensor<float, 4, Eigen::RowMajor>;
    expect_the_share_of_the_whole<Floats, SyncBatchNorm2d<float>, BatchNorm2d<float>>(
        ranks, shares, {1, 4, 5, 3}, options, 2e-6L);
  }
}

}  // namespace eigen_norm::test
