// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "claims/study.hpp"

namespace claims {

/// try_network(norm, training, seed) is one run. The learning rate is in proportion to the batch,
/// so that each sample moves the weights about as far whatever the batch.
template <typename TryNetwork>
void vary_batch(const Settings& settings, const std::string& name, const TryNetwork& try_network) {
  Study study{name, "batch size", loss_and_accuracy(), {}};
  for (const Norm norm : {Norm::batch, Norm::group, Norm::layer}) {
    for (const Index batch_size : {2, 4, 8, 16, 32, 64}) {
      const auto samples = static_cast<double>(batch_size);
      const Training training{batch_size, 0.05 * samples / 64, settings.epochs};
      add_seeds(study.runs, settings, {name_of(norm), samples, training.rate, 0, {}},
                [=](std::uint64_t seed) { return try_network(norm, training, seed); });
    }
  }
  write_points(study, settings, summarise(study.runs, carry_out(study, settings)));
}

/// Claim: BatchNorm suffers in small batches, GroupNorm and LayerNorm do not. How small depends on
/// how many values share a statistic: in the convolutional network those of all positions.
inline void study_batch(const Settings& settings) {
  const Data& data = settings.data;
  vary_batch(settings, "batch_cnn",
             [&data](Norm norm, const Training& training, std::uint64_t seed) {
               return try_cnn(data, norm, training, seed);
             });
  vary_batch(settings, "batch_mlp",
             [&data](Norm norm, const Training& training, std::uint64_t seed) {
               return try_mlp(data, norm, {data.train.pixels.cols(), 3, 64}, training, seed);
             });
}

}  // namespace claims
