// SPDX-License-Identifier: MIT
#include "eigen_norm/distributed/convert.hpp"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "distributed/on_threads.hpp"
#include "distributed/shares.hpp"
#include "eigen_norm/layer_norm.hpp"

namespace eigen_norm::test {

// A model of one's own.
template <typename Norm>
struct Model {
  Norm norm;
  LayerNorm<float> other;
};

}  // namespace eigen_norm::test

namespace eigen_norm {

template <typename Norm>
struct LayersOf<test::Model<Norm>> {
  template <typename F>
  static auto map(const test::Model<Norm>& model, const F& f) {
    return test::Model<decltype(f(model.norm))>{f(model.norm), f(model.other)};
  }
};

}  // namespace eigen_norm

namespace eigen_norm::test {
namespace {

TEST(ConvertSyncBatchNorm, KeepsTheStateAndTheModeOfALayer) {
  on_threads(2, [](const Ranks& ranks) {
    BatchNormOptions options;
    options.eps = 1e-3;
    options.channels = ChannelAxis::last;
    BatchNorm2d<float> norm(3, options);
    norm.forward(Eigen::Tensor<float, 4>(2, 4, 4, 3).setRandom());
    norm.gamma() << 1, 2, 3;
    norm.freeze();
    norm.eval();
    const SyncBatchNorm2d<float> sync = convert_sync_batch_norm(norm, ranks);
    EXPECT_EQ(from_parameters(sync.gamma()), from_parameters(norm.gamma()));
    EXPECT_EQ(from_parameters(sync.running_mean()), from_parameters(norm.running_mean()));
    EXPECT_EQ(from_parameters(sync.running_var()), from_parameters(norm.running_var()));
    EXPECT_EQ(sync.num_batches_tracked(), 1);
    EXPECT_TRUE(sync.is_frozen());
    EXPECT_FALSE(sync.is_training());
    EXPECT_EQ(sync.options().eps, 1e-3);
    EXPECT_EQ(sync.options().channels, ChannelAxis::last);
  });
}

TEST(ConvertSyncBatchNorm, LooksIntoModelsAndContainers) {
  on_threads(2, [](const Ranks& ranks) {
    using Norm = BatchNorm1d<double>;
    const std::tuple model{std::vector<Norm>{Norm(2), Norm(3)}, std::optional<Norm>(),
                           std::string("a"),
                           Model<BatchNorm2d<float>>{BatchNorm2d<float>(4), LayerNorm<float>(5)}};
    const auto sync = convert_sync_batch_norm(model, ranks);
    using Sync = SyncBatchNorm1d<double>;
    static_assert(std::is_same_v<std::remove_const_t<decltype(sync)>,
                                 std::tuple<std::vector<Sync>, std::optional<Sync>, std::string,
                                            Model<SyncBatchNorm2d<float>>>>);
    EXPECT_EQ(std::get<0>(sync)[1].num_features(), 3);
    EXPECT_FALSE(std::get<1>(sync).has_value());
    EXPECT_EQ(std::get<2>(sync), "a");
    EXPECT_EQ(std::get<3>(sync).norm.num_features(), 4);
  });
}

TEST(ConvertSyncBatchNorm, LooksIntoArraysAndPairs) {
  on_threads(2, [](const Ranks& ranks) {
    using Norm = BatchNorm1d<double>;
    const std::pair model{std::array<Norm, 2>{Norm(2), Norm(3)}, Norm(4)};
    const auto sync = convert_sync_batch_norm(model, ranks);
    using Sync = SyncBatchNorm1d<double>;
    static_assert(
        std::is_same_v<std::remove_const_t<decltype(sync)>, std::pair<std::array<Sync, 2>, Sync>>);
    EXPECT_EQ(sync.first[1].num_features(), 3);
    EXPECT_EQ(sync.second.num_features(), 4);
    const std::vector<Norm, Eigen::aligned_allocator<Norm>> aligned{Norm(5)};
    EXPECT_EQ(std::vector<Sync>(convert_sync_batch_norm(aligned, ranks))[0].num_features(), 5);
  });
}

TEST(ConvertBatchNorm, IsTheWayBack) {
  on_threads(2, [](const Ranks& ranks) {
    using Norm = BatchNorm1d<double>;
    Norm norm(3);
    norm.forward(Eigen::MatrixXd(Eigen::MatrixXd::Random(8, 3)));
    norm.gamma() << 1, 2, 3;
    norm.freeze();
    const std::tuple sync = convert_sync_batch_norm(std::tuple{norm, 5}, ranks);
    const std::tuple<Norm, int> back = convert_batch_norm(sync);
    const Norm& same = std::get<0>(back);
    const Eigen::MatrixXd x = Eigen::MatrixXd::Random(4, 3);
    EXPECT_EQ(same.infer(x), norm.infer(x));
    EXPECT_EQ(same.num_batches_tracked(), 1);
    EXPECT_TRUE(same.is_frozen());
    EXPECT_EQ(std::get<1>(back), 5);
  });
}

TEST(ConvertSyncBatchNorm, KeepsTuplesInTuples) {
  on_threads(1, [](const Ranks& ranks) {
    const std::tuple<std::tuple<BatchNorm1d<float>, int>> nested{{BatchNorm1d<float>(2), 7}};
    const auto sync = convert_sync_batch_norm(nested, ranks);
    static_assert(std::is_same_v<std::remove_const_t<decltype(sync)>,
                                 std::tuple<std::tuple<SyncBatchNorm1d<float>, int>>>);
    EXPECT_EQ(std::get<1>(std::get<0>(sync)), 7);
  });
}

}  // namespace
}  // namespace eigen_norm::test
