// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "distributed/shares.hpp"
#include "eigen_norm/mpi/communicator.hpp"

namespace eigen_norm::test {

// All ranks of mpirun, each of which runs these tests, in the same order.
inline Ranks world() { return std::make_shared<mpi::Communicator>(MPI_COMM_WORLD); }

}  // namespace eigen_norm::test
