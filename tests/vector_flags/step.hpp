// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/layer_norm.hpp"

void step(eigen_norm::LayerNorm<float>& layer);
