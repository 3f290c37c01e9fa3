// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <thread>

#include "eigen_norm/mpi/sync_batch_norm.hpp"

// Rank 1 leaves without a word, and the others wait for it: mpirun must end them long before their
// time limit does.
int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  const auto ranks =
      std::make_shared<eigen_norm::mpi::Communicator>(MPI_COMM_WORLD, std::chrono::seconds(60));
  eigen_norm::SyncBatchNorm1d<double> norm(2, ranks);
  if (ranks->rank() == 1) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    std::_Exit(3);
  }
  std::printf("rank %d waits\n", ranks->rank());
  std::fflush(stdout);
  try {
    norm.forward(Eigen::MatrixXd::Random(4, 2));
    std::puts("went on");
  } catch (const std::exception& error) {
    std::puts(error.what());
  }
  std::fflush(stdout);
  return MPI_Abort(MPI_COMM_WORLD, 1);
}
