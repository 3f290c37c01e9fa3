// SPDX-License-Identifier: MIT
#pragma once

#include "differential/configuration.hpp"
#include "support/subjects.hpp"

namespace eigen_norm::test {

// The two views of a configuration, and its definition where a step takes its own statistics; else
// those are by channel.
Subject subject_of(const Configuration& configuration, bool own_statistics);

}  // namespace eigen_norm::test
