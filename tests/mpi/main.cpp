// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "eigen_norm/mpi/communicator.hpp"

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  testing::InitGoogleTest(&argc, argv);
  const int result = RUN_ALL_TESTS();
  MPI_Finalize();
  return result;
}
