// SPDX-License-Identifier: MIT
#include "eigen_norm/mpi/sync_batch_norm.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>

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

// Last, for the messages that were begun are never taken back.
TEST(MpiSyncBatchNormInTheEnd, StopsWaitingForARankThatDoesNotCome) {
  const auto ranks =
      std::make_shared<mpi::Communicator>(MPI_COMM_WORLD, std::chrono::milliseconds(200));
  if (ranks->size() == 1) GTEST_SKIP() << "there are no others";
  SyncBatchNorm1d<double> norm(2, ranks);
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(4, 2);
  if (ranks->rank() == 0) return std::this_thread::sleep_for(std::chrono::seconds(1));
  const std::string message = "eigen_norm::mpi: rank " + std::to_string(ranks->rank()) + " of " +
                              std::to_string(ranks->size()) +
                              " has waited 200 ms for the others with the statistics of "
                              "SyncBatchNorm1d(2)";
  const auto start = std::chrono::steady_clock::now();
  expect_refused<std::runtime_error>(norm, message, [&] { norm.forward(x); });
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(900));
  expect_refused<std::runtime_error>(norm, message, [&] { norm.forward(x); });
}

}  // namespace
}  // namespace eigen_norm::test
