// SPDX-License-Identifier: MIT
#include <eigen_norm/mpi/sync_batch_norm.hpp>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  bool is_normalised = false;
  {
    const auto ranks = std::make_shared<eigen_norm::mpi::Communicator>(MPI_COMM_WORLD);
    eigen_norm::SyncBatchNorm1d<float> norm(4, ranks);
    is_normalised = norm.forward(Eigen::MatrixXf::Random(8, 4)).isZero(3);
  }
  MPI_Finalize();
  return is_normalised ? 0 : 1;
}
