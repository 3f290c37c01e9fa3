// SPDX-License-Identifier: MIT
#include "eigen_norm/mpi/sync_batch_norm.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>

#include "distributed/random_calls.hpp"
#include "distributed/shares.hpp"
#include "mpi/world.hpp"
#include "support/errors.hpp"

namespace eigen_norm::test {
namespace {

TEST(MpiSyncBatchNorm, GivesEveryRankItsShareOfWhatBatchNormMakesOfTheWhole) {
  expect_shares_of_the_whole(world());
}

TEST(MpiSyncBatchNorm, OfOneRankThatRefusesItsInputTellsTheOthersAndGoesOn) {
  const Ranks ranks = world();
  SyncBatchNorm1d<double> norm(2, ranks);
  const Eigen::MatrixXd good = Eigen::MatrixXd::Random(4, 2), bad(4, 3);
  if (ranks->rank() == 0) {
    expect_refused(norm, "SyncBatchNorm1d(2): expected input (N, 2), got (4, 3)",
                   [&] { norm.forward(bad); });
  } else {
    expect_refused<std::runtime_error>(
        norm,
        "expected the statistics of SyncBatchNorm1d(2) from every rank, got an error on rank 0",
        [&] { norm.forward(good); });
  }
  norm.backward(good, norm.forward(good));
}

TEST(MpiSyncBatchNorm, OfAnotherShapeOnOneRankIsRefusedOnAll) {
  const Ranks ranks = world();
  if (ranks->size() == 1) GTEST_SKIP() << "there are no others";
  const Index channels = ranks->rank() == 0 ? 3 : 4;
  EXPECT_THROW(SyncBatchNorm1d<double>(channels, ranks), std::invalid_argument);
}

TEST(MpiSyncBatchNorm, NoticesAnotherLayerOfItsSize) {
  const Ranks ranks = world();
  if (ranks->size() == 1) GTEST_SKIP() << "there are no others";
  SyncBatchNorm1d<double> first(2, ranks), second(2, ranks);
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(4, 2);
  EXPECT_THROW((ranks->rank() == 0 ? first : second).forward(x), std::runtime_error);
  first.backward(x, first.forward(x));
}

TEST(MpiSyncBatchNorm, ForgetsABackwardThatIsCancelled) {
  const Ranks ranks = world();
  SyncBatchNorm1d<double> norm(2, ranks);
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(4, 2);
  for (int step = 0; step < 20; ++step) {
    norm.forward(x);
    norm.start_backward(x, x);
    if (step % ranks->size() == ranks->rank()) {
      norm.cancel_backward();
    } else {
      norm.backward(x, x);
    }
  }
}

TEST(MpiSyncBatchNorm, HoldsThroughRandomCalls) {
  const Ranks ranks = world();
  for (unsigned seed = 0; seed < 5; ++seed) expect_random_calls(ranks, seed, 10);
}

// MPICH passes on messages by way of ranks that have long forgotten them.
TEST(MpiSyncBatchNorm, ForgetsABackwardInTheEnd) {
  const auto ranks = std::make_shared<mpi::Communicator>(MPI_COMM_WORLD, std::chrono::seconds(5));
  SyncBatchNorm1d<double> norm(2, ranks);
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(4, 2);
  norm.forward(x);
  if (ranks->rank() == 1) return norm.start_backward(x, x);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  norm.backward(x, x);
}

// Last, for the messages that were begun are never taken back.
class MpiSyncBatchNormInTheEnd : public testing::Test {
 protected:
  using Clock = std::chrono::steady_clock;

  MpiSyncBatchNormInTheEnd()
      : ranks(std::make_shared<mpi::Communicator>(MPI_COMM_WORLD, std::chrono::milliseconds(200))),
        norm(2, ranks) {}
  void SetUp() override {
    if (ranks->size() == 1) GTEST_SKIP() << "there are no others";
  }

  // Rank 0 does not come; the others say so in time, and again at once.
  template <typename Call>
  void expect_a_wait_that_ends(const char* what, const Call& call) {
    if (ranks->rank() == 0) return std::this_thread::sleep_for(std::chrono::seconds(1));
    const std::string message = "eigen_norm::mpi: rank " + std::to_string(ranks->rank()) + " of " +
                                std::to_string(ranks->size()) +
                                " has waited 200 ms for the others with " + what +
                                " of SyncBatchNorm1d(2)";
    const auto start = Clock::now();
    expect_refused<std::runtime_error>(norm, message, call);
    EXPECT_LT(Clock::now() - start, std::chrono::milliseconds(900));
    expect_refused<std::runtime_error>(norm, message, call);
  }

  std::shared_ptr<mpi::Communicator> ranks;
  SyncBatchNorm1d<double> norm;
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(4, 2);
};

TEST_F(MpiSyncBatchNormInTheEnd, StopsWaitingForARankThatDoesNotComeForward) {
  expect_a_wait_that_ends("the statistics", [&] { norm.forward(x); });
}

TEST_F(MpiSyncBatchNormInTheEnd, StopsWaitingForARankThatDoesNotComeBackward) {
  norm.forward(x);
  expect_a_wait_that_ends("the gradient sums", [&] { norm.backward(x, x); });
}

}  // namespace
}  // namespace eigen_norm::test
