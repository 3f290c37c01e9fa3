// SPDX-License-Identifier: MIT
#include "eigen_norm/mpi/communicator.hpp"

#include <gtest/gtest.h>

#include "distributed/communicators.hpp"
#include "mpi/world.hpp"

namespace eigen_norm::test {
namespace {

TEST(MpiCommunicator, GathersInTheOrderOfRanks) { expect_rank_order(world()); }

TEST(MpiCommunicator, FinishesCollectivesInAnyOrder) { expect_any_order_of_finishing(world()); }

TEST(MpiCommunicator, AbandonsACollectiveThatOthersFinish) { expect_abandoned_at_will(world()); }

TEST(MpiCommunicator, FinishesACollectiveOnce) { expect_finished_once(world()); }

}  // namespace
}  // namespace eigen_norm::test
