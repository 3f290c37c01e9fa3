// SPDX-License-Identifier: MIT
#include "eigen_norm/distributed/sync_batch_norm.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "distributed/counter.hpp"
#include "distributed/on_threads.hpp"
#include "distributed/shares.hpp"
#include "support/errors.hpp"

namespace eigen_norm::test {
namespace {

using Eigen::MatrixXd;

const Mask all_but_one(Eigen::Array<bool, 4, 1>(true, true, false, true));

TEST(SyncBatchNorm, GivesEveryRankItsShareOfWhatBatchNormMakesOfTheWhole) {
  for (const int ranks : {1, 2, 3, 4, 7}) {
    SCOPED_TRACE(std::to_string(ranks) + " ranks");
    on_threads(ranks, expect_shares_of_the_whole);
  }
}

TEST(SyncBatchNorm, TakesOneSamplePerRankButNotOneInAll) {
  on_threads(3, [](const Ranks& ranks) {
    SyncBatchNorm1d<double> norm(2, ranks);
    MatrixXd x = MatrixXd::Constant(1, 2, ranks->rank());
    norm.forward(x);
    EXPECT_EQ(norm.batch_mean()[1], 1);
    x.resize(ranks->rank() == 1 ? 1 : 0, 2);
    x.setOnes();
    expect_refused(
        norm,
        "SyncBatchNorm1d(2): expected more than 1 value per channel when training, got 1 "
        "on 3 ranks together",
        [&] { norm.forward(x); });
  });
}

TEST(SyncBatchNorm, OfEmptySharesAloneChangesNothing) {
  on_threads(2, [](const Ranks& ranks) {
    SyncBatchNorm1d<double> norm(2, ranks);
    const MatrixXd x(0, 2);
    EXPECT_EQ(norm.forward(x).rows(), 0);
    EXPECT_EQ(norm.backward(x, x).rows(), 0);
    EXPECT_EQ(norm.num_batches_tracked(), 0);
  });
}

TEST(SyncBatchNorm, AnswersABackwardFromTheOutput) {
  on_threads(2, [](const Ranks& ranks) {
    SyncBatchNorm1d<double> norm(3, ranks);
    const MatrixXd x = MatrixXd::Random(4, 3), dy = MatrixXd::Random(4, 3);
    const MatrixXd y = norm.forward(x);
    EXPECT_TRUE(norm.backward_from_output(y, dy).isApprox(norm.backward(x, dy), 1e-12));
  });
}

TEST(SyncBatchNorm, ExchangesNothingByRunningStatistics) {
  on_threads(2, [](const Ranks& ranks) {
    SyncBatchNorm1d<double> norm(2, ranks);
    const MatrixXd x = MatrixXd::Random(4, 2);
    if (ranks->rank() == 1) return;  // gone, and not missed
    norm.infer(x);
    norm.eval();
    norm.backward(x, norm.forward(x));
    const MatrixXd none(0, 2);
    norm.backward(none, norm.forward(none));
    norm.train();
    norm.freeze();
    norm.backward(x, norm.forward(x));
  });
}

TEST(SyncBatchNorm, NormalisesByItsOwnShareInEvalWithoutRunningStatistics) {
  on_threads(2, [](const Ranks& ranks) {
    BatchNormOptions options;
    options.track_running_stats = false;
    SyncBatchNorm1d<double> norm(1, ranks, options);
    const MatrixXd x = MatrixXd::Random(4, 1).array() + 10 * ranks->rank();
    EXPECT_NEAR(norm.infer(x).mean(), 0, 1e-12);
    EXPECT_GT(std::abs(norm.forward(x).mean()), 0.5);
    norm.eval();
    EXPECT_NEAR(norm.forward(x).mean(), 0, 1e-12);
    EXPECT_NEAR(norm.backward(x, x).mean(), 0, 1e-12);
  });
}

TEST(SyncBatchNorm, OfOneRankThatRefusesItsInputTellsTheOthersAndGoesOn) {
  on_threads(3, [](const Ranks& ranks) {
    SyncBatchNorm2d<float> norm(2, ranks);
    const bool refuses = ranks->rank() == 1;
    const Eigen::Tensor<float, 4> good = Eigen::Tensor<float, 4>(2, 2, 3, 3).setRandom();
    const Eigen::Tensor<float, 4> bad(2, 5, 3, 3);
    if (refuses) {
      expect_refused(norm, "SyncBatchNorm2d(2): expected input (N, 2, H, W), got (2, 5, 3, 3)",
                     [&] { norm.forward(bad); });
    } else {
      expect_refused<std::runtime_error>(
          norm,
          "expected the statistics of SyncBatchNorm2d(2) from every rank, got an error on rank 1",
          [&] { norm.forward(good); });
    }
    norm.forward(good);
    if (refuses) {
      expect_refused(norm, "SyncBatchNorm2d(2): expected dy (2, 2, 3, 3), got (2, 5, 3, 3)",
                     [&] { norm.backward(good, bad); });
    } else {
      expect_refused<std::runtime_error>(norm,
                                         "expected the gradient sums of SyncBatchNorm2d(2) from "
                                         "every rank, got an error on rank 1",
                                         [&] { norm.backward(good, good); });
    }
    norm.backward(good, good);
    EXPECT_EQ(norm.num_batches_tracked(), 1);
  });
}

TEST(SyncBatchNorm, OfAnotherShapeOnOneRankIsRefusedOnAll) {
  on_threads(3, [](const Ranks& ranks) {
    expect_error<std::invalid_argument>(
        "SyncBatchNorm1d(" + std::to_string(ranks->rank() == 2 ? 5 : 4) +
            "): expected the same layer on every rank, got "
            "SyncBatchNorm1d(4), eps 1e-05, momentum 0.1 on rank 0; "
            "SyncBatchNorm1d(5), eps 1e-05, momentum 0.1 on rank 2",
        [&] { SyncBatchNorm1d<float>(ranks->rank() == 2 ? 5 : 4, ranks); });
  });
}

// A rank that would refuse its own layer asks the others first.
TEST(SyncBatchNorm, WithOptionsThatOneRankRefusesIsRefusedOnAll) {
  on_threads(2, [](const Ranks& ranks) {
    BatchNormOptions options;
    options.momentum = 0;
    if (ranks->rank() == 1) {
      options.eps = -1;
      options.momentum = std::nullopt;
      options.renorm = BatchRenorm{};
    }
    expect_error<std::invalid_argument>(
        "SyncBatchNorm1d(4): expected the same layer on every rank, got "
        "SyncBatchNorm1d(4), eps 1e-05, momentum 0 on rank 0; "
        "SyncBatchNorm1d(4), eps -1, momentum nullopt, virtual_batch_size or renorm on rank 1",
        [&] { SyncBatchNorm1d<float>(4, ranks, options); });
    expect_error<std::invalid_argument>(
        "SyncBatchNorm1d: expected num_features of at least 1, got 0",
        [&] { SyncBatchNorm1d<float>(0, ranks); });
  });
}

TEST(SyncBatchNorm, DoesNotWaitForARankThatHasLeft) {
  on_threads(3, [](const Ranks& ranks) {
    SyncBatchNorm1d<double> norm(2, ranks);
    if (ranks->rank() == 2) return;
    const MatrixXd x = MatrixXd::Random(4, 2);
    expect_refused<std::runtime_error>(
        norm,
        "eigen_norm::ThreadRanks: rank 2 has left before the statistics of SyncBatchNorm1d(2)",
        [&] { norm.forward(x); });
  });
}

TEST(SyncBatchNorm, FinishesABackwardBeforeTheNextForward) {
  on_threads(2, [](const Ranks& ranks) {
    SyncBatchNorm1d<double> norm(2, ranks);
    const MatrixXd x = MatrixXd::Random(4, 2);
    norm.forward(x);
    norm.start_backward(x, x);
    const std::string reason =
        " needs a backward before it, to finish what start_backward has begun";
    expect_error<std::logic_error>("SyncBatchNorm1d(2): forward" + reason,
                                   [&] { norm.forward(x); });
    expect_error<std::logic_error>("SyncBatchNorm1d(2): start_backward" + reason,
                                   [&] { norm.start_backward(x, x); });
    const MatrixXd other(5, 2);
    expect_error<std::invalid_argument>(
        "SyncBatchNorm1d(2): expected x of the last forward (4, 2), got (5, 2)",
        [&] { norm.backward(other, other); });
    norm.backward(x, x);
    norm.forward(x);
  });
}

TEST(SyncBatchNorm, ForgetsABackwardThatIsCancelled) {
  on_threads(2, [](const Ranks& ranks) {
    const auto counter = std::make_shared<Counter>(ranks);
    SyncBatchNorm1d<double> norm(2, counter);
    const MatrixXd x = MatrixXd::Random(4, 2), other(5, 2);
    norm.forward(x);
    norm.start_backward(x, x);
    if (ranks->rank() == 1) {
      EXPECT_THROW(norm.backward(x, other), std::invalid_argument);
      norm.cancel_backward();
    } else {
      norm.backward(x, x);
    }
    EXPECT_EQ(counter->abandoned, ranks->rank());
    norm.backward(x, norm.forward(x));
    norm.cancel_backward();  // there is none
  });
}

TEST(SyncBatchNorm, FinishesABackwardBeforeAForwardInEval) {
  on_threads(2, [](const Ranks& ranks) {
    SyncBatchNorm1d<double> norm(2, ranks);
    const MatrixXd x = MatrixXd::Random(4, 2);
    norm.forward(x);
    norm.start_backward(x, x);
    norm.eval();
    EXPECT_THROW(norm.forward(x), std::logic_error);
    EXPECT_THROW(norm.forward(x, all_but_one), std::logic_error);
    norm.backward(x, x);
    norm.forward(x, all_but_one);
    norm.backward(x, x, all_but_one);
  });
}

// Told, for they would wait for this rank.
TEST(SyncBatchNorm, OfOneRankThatMustNotCallTellsTheOthersAndGoesOn) {
  on_threads(3, [](const Ranks& ranks) {
    SyncBatchNorm1d<double> norm(2, ranks);
    const MatrixXd x = MatrixXd::Random(4, 2);
    const auto refused_on_one = [&](const char* what, const auto& wrong, const auto& right) {
      SCOPED_TRACE(what);
      if (ranks->rank() == 1) {
        EXPECT_THROW(wrong(), std::logic_error);
        return;
      }
      expect_refused<std::runtime_error>(norm,
                                         "expected " + std::string(what) +
                                             " of SyncBatchNorm1d(2) from every rank, got an error "
                                             "on rank 1",
                                         right);
    };
    const auto forward = [&] { norm.forward(x); };
    const auto backward = [&] { norm.backward(x, x); };
    refused_on_one(
        "the statistics", [&] { norm.forward(x, all_but_one); }, forward);
    norm.forward(x);
    refused_on_one(
        "the gradient sums", [&] { norm.backward(x, x, all_but_one); }, backward);
    norm.start_backward(x, x);
    if (ranks->rank() != 1) norm.backward(x, x);
    refused_on_one("the statistics", forward, forward);
    const auto start = [&] { norm.start_backward(x, x); };
    refused_on_one("the gradient sums", start, [&] {
      start();
      norm.backward(x, x);
    });
    if (ranks->rank() == 1) norm.backward(x, x);
    if (ranks->rank() == 1) norm.gamma().resize(5);
    refused_on_one("the gradient sums", backward, backward);
    if (ranks->rank() == 1) norm.gamma().setOnes(2);
    norm.backward(x, norm.forward(x));
  });
}

TEST(SyncBatchNorm, ThatAnotherRankRefusesHasChangedNothing) {
  on_threads(3, [](const Ranks& ranks) {
    SyncBatchNorm1d<double> norm(2, ranks);
    const bool refuses = ranks->rank() == 1;
    const MatrixXd x = MatrixXd::Random(4, 2), other(5, 3), none(0, 2);
    norm.forward(x);
    MatrixXd y = MatrixXd::Constant(1, 1, 7);
    for (const MatrixXd& good : {x, none}) {
      EXPECT_THROW(norm.forward(refuses ? other : good, y), std::exception);
      EXPECT_EQ(y, MatrixXd::Constant(1, 1, 7));
      EXPECT_THROW(norm.backward(x, refuses ? other : x, y), std::exception);
      EXPECT_EQ(y, MatrixXd::Constant(1, 1, 7));
      EXPECT_EQ(norm.backward(x, x).rows(), 4);  // of the first forward
    }
  });
}

TEST(SyncBatchNorm, WithoutRunningStatisticsRefusesOneValueWhereBatchNormDoes) {
  on_threads(2, [](const Ranks& ranks) {
    BatchNormOptions options;
    options.track_running_stats = false;
    SyncBatchNorm1d<double> norm(2, ranks, options);
    const MatrixXd one = MatrixXd::Random(1, 2), x = MatrixXd::Random(4, 2);
    const Mask mask(Eigen::Array<bool, 4, 1>(false, false, true, false));
    const std::string refusal =
        "SyncBatchNorm1d(2): expected more than 1 value per channel without running statistics, "
        "got (1, 2)";
    const std::string masked_refusal =
        "SyncBatchNorm1d(2): expected more than 1 value per channel under the mask, without "
        "running statistics, got (4, 2)";
    norm.forward(one);  // two on both ranks
    expect_refused(norm, refusal, [&] { norm.infer(one); });
    expect_refused(norm, masked_refusal, [&] { norm.infer(x, mask); });
    EXPECT_NEAR(norm.infer(x, all_but_one).topRows(2).norm() > 0, 1, 0);
    norm.eval();
    expect_refused(norm, refusal, [&] { norm.forward(one); });
    expect_refused(norm, masked_refusal, [&] { norm.forward(x, mask); });
  });
}

// What has been begun is finished once, by the layer that it was begun with.
TEST(SyncBatchNorm, IsCopiedAndMovedInTheMiddleOfABackward) {
  on_threads(2, [](const Ranks& ranks) {
    SyncBatchNorm1d<double> norm(2, ranks);
    const MatrixXd x = MatrixXd::Random(4, 2), dy = MatrixXd::Random(4, 2);
    norm.forward(x);
    norm.start_backward(x, dy);
    SyncBatchNorm1d<double> copy = norm, assigned(2, ranks);
    assigned = norm;
    SyncBatchNorm1d<double> moved = std::move(norm);
    const MatrixXd dx = moved.backward(x, dy);
    EXPECT_EQ(copy.backward(x, dy), dx);
    EXPECT_EQ(assigned.backward(x, dy), dx);
    moved.forward(x);
    copy.start_backward(x, dy);
    copy = moved;
    EXPECT_EQ(copy.backward(x, dy), dx);
  });
}

TEST(SyncBatchNorm, OfAFixedSizeAndOfSixteenBits) {
  on_threads(3, [](const Ranks& ranks) {
    const Shares shares{{2, 0, 3}};
    BatchNormOptions options;
    for (const bool affine : {true, false}) {
      options.gamma = options.beta = affine;
      using Fixed = Eigen::Tensor<float, 3, Eigen::RowMajor>;
      expect_the_share_of_the_whole<Fixed, SyncBatchNorm1d<float, 3>, BatchNorm1d<float, 3>>(
          ranks, shares, {1, 3, 6}, options, 2e-6L);
      using Half = Eigen::Tensor<Eigen::half, 4>;
      expect_the_share_of_the_whole<Half, SyncBatchNorm2d<Eigen::half>, BatchNorm2d<Eigen::half>>(
          ranks, shares, {1, 3, 4, 2}, options, 2e-3L);
      using Bfloat = Eigen::Tensor<Eigen::bfloat16, 4, Eigen::RowMajor>;
      expect_the_share_of_the_whole<Bfloat, SyncBatchNorm2d<Eigen::bfloat16>,
                                    BatchNorm2d<Eigen::bfloat16>>(ranks, shares, {1, 3, 4, 2},
                                                                  options, 1.6e-2L);
    }
  });
}

// Threads cut a share into pieces, whose sums are added in one order.
TEST(SyncBatchNorm, OfALargeShareHasTheSameBitsOnEveryRank) {
  on_threads(2, [](const Ranks& ranks) {
    expect_the_share_of_the_whole<MatrixXd, SyncBatchNorm1d<double>, BatchNorm1d<double>>(
        ranks, {{15000, 300}}, {1, 7}, {}, 1e-12L);
  });
}

// The others hear of it in the backward that finishes theirs, and give nothing of their own again.
TEST(SyncBatchNorm, OfOneRankThatRefusesToStartABackwardTellsTheOthersAndGoesOn) {
  on_threads(3, [](const Ranks& ranks) {
    SyncBatchNorm1d<double> norm(2, ranks);
    const MatrixXd x = MatrixXd::Random(4, 2), other(5, 2);
    norm.forward(x);
    if (ranks->rank() == 1) {
      expect_error<std::invalid_argument>("SyncBatchNorm1d(2): expected dy (4, 2), got (5, 2)",
                                          [&] { norm.start_backward(x, other); });
    } else {
      norm.start_backward(x, x);
      expect_error<std::runtime_error>(
          "expected the gradient sums of SyncBatchNorm1d(2) from every rank, got an error on rank "
          "1",
          [&] { norm.backward(x, x); });
    }
    norm.backward(x, norm.forward(x));
    EXPECT_EQ(norm.num_batches_tracked(), 2);
  });
}

TEST(SyncBatchNorm, NoticesAnotherLayerOfItsSize) {
  on_threads(2, [](const Ranks& ranks) {
    SyncBatchNorm1d<double> first(2, ranks), second(2, ranks);
    const MatrixXd x = MatrixXd::Random(4, 2);
    auto& layer = ranks->rank() == 0 ? first : second;
    expect_error<std::runtime_error>(
        "expected the statistics of SyncBatchNorm1d(2) from every rank, got another call on rank " +
            std::to_string(1 - ranks->rank()),
        [&] { layer.forward(x); });
  });
}

// Threads would notice messages of different lengths at once, and be of no more use.
TEST(SyncBatchNorm, NoticesAForwardWhereTheOthersCallBackward) {
  on_threads(3, [](const Ranks& ranks) {
    SyncBatchNorm1d<double> norm(2, ranks);
    const MatrixXd x = MatrixXd::Random(4, 2);
    norm.forward(x);
    if (ranks->rank() == 1) {
      expect_refused<std::runtime_error>(
          norm,
          "expected the statistics of SyncBatchNorm1d(2) from every rank, got another call on rank "
          "0, 2",
          [&] { norm.forward(x); });
    } else {
      expect_refused<std::runtime_error>(norm,
                                         "expected the gradient sums of SyncBatchNorm1d(2) from "
                                         "every rank, got another call on rank 1",
                                         [&] { norm.backward(x, x); });
    }
    norm.backward(x, norm.forward(x));
  });
}

TEST(SyncBatchNorm, OfFixedSizeNeedsNoNumberOfChannels) {
  on_threads(2, [](const Ranks& ranks) {
    SyncBatchNorm1d<float, 3> norm(ranks);
    EXPECT_EQ(norm.forward(Eigen::MatrixXf(Eigen::MatrixXf::Random(4, 3))).cols(), 3);
  });
}

template <typename Norm>
void expect_moved_away(const Ranks& ranks) {
  Norm norm(2, ranks);
  const Norm there = std::move(norm);
  EXPECT_EQ(there.num_features(), 2);
  expect_error<std::logic_error>("eigen_norm: the synchronised layer was moved away",
                                 // NOLINTNEXTLINE(bugprone-use-after-move)
                                 [&] { norm.forward(MatrixXd(MatrixXd::Random(4, 2))); });
}

TEST(SyncBatchNorm, ThatWasMovedAwaySaysSo) {
  on_threads(1, expect_moved_away<SyncBatchNorm1d<double>>);
  on_threads(1, expect_moved_away<SyncBatchNorm1d<double, 2>>);
}

TEST(SyncBatchNorm, HasNoStatisticsOfNothing) {
  on_threads(2, [](const Ranks& ranks) {
    SyncBatchNorm1d<double> norm(3, ranks);
    norm.forward(MatrixXd(MatrixXd(0, 3)));
    EXPECT_EQ(norm.batch_mean().size(), 0);
  });
}

TEST(SyncBatchNorm, RefusesWhatIsNotSynchronised) {
  on_threads(1, [](const Ranks& ranks) {
    BatchNormOptions options;
    options.virtual_batch_size = 2;
    expect_error<std::invalid_argument>(
        "SyncBatchNorm1d(2): expected neither virtual_batch_size nor renorm",
        [&] { SyncBatchNorm1d<double>(2, ranks, options); });
    expect_error<std::invalid_argument>("SyncBatchNorm1d: expected a communicator, got none",
                                        [&] { SyncBatchNorm1d<double>(2, nullptr); });
    SyncBatchNorm1d<double> norm(2, ranks);
    const MatrixXd x = MatrixXd::Random(4, 2);
    expect_error<std::logic_error>(
        "SyncBatchNorm1d(2): a mask, or a scale and shift per sample, is not synchronised",
        [&] { norm.forward(x, all_but_one); });
  });
}

}  // namespace
}  // namespace eigen_norm::test
