// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/fold/into_following.hpp"
#include "eigen_norm/fold/into_preceding.hpp"
#include "eigen_norm/fold/without_affine.hpp"
