// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/distributed/sync_batch_norm.hpp"
#include "eigen_norm/mpi/communicator.hpp"
