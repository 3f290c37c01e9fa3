// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "eigen_norm/memory/abi.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// How a framework names the state of its normalizations.
struct Naming {
  struct Pair {
    std::string theirs, torch;
    bool tells;  ///< their name, alone, that it is a normalization
  };
  /// What a name has beside layer and tensor.
  enum class Extra {
    none,
    number,               ///< "norm/gamma:0"; read, not written
    collection,           ///< "params/norm/scale" and "batch_stats/norm/mean"
    collection_when_read  ///< the same; read, not written
  };

  std::vector<Pair> pairs;  ///< of several for one of PyTorch's, the first is written
  char separator = '/';     ///< written; read are '/' and '.'
  Extra extra = Extra::none;

  static Naming keras() {
    return {{{"gamma", "weight", true},
             {"beta", "bias", true},
             {"moving_mean", "running_mean", true},
             {"moving_variance", "running_var", true},
             {"scale", "weight", true}},  // RMSNormalization
            '/',
            Extra::number};
  }
  static Naming flax() {
    return {{{"scale", "weight", true},
             {"bias", "bias", false},
             {"mean", "running_mean", false},
             {"var", "running_var", false}},
            '/',
            Extra::collection};
  }
  static Naming flax_nnx() { return {flax().pairs, '.', Extra::collection_when_read}; }
  static Naming onnx() {
    return {{{"scale", "weight", true},
             {"B", "bias", false},
             {"input_mean", "running_mean", true},
             {"input_var", "running_var", true},
             {"mean", "running_mean", false},  // before opset 14
             {"var", "running_var", false}},
            '.',
            Extra::none};
  }

  /// Null where there is none of that name.
  const Pair* find(std::string Pair::*side, const std::string& name) const {
    const auto found = std::find_if(pairs.begin(), pairs.end(),
                                    [&](const Pair& pair) { return pair.*side == name; });
    return found == pairs.end() ? nullptr : &*found;
  }

  /// "model.norm.gamma" of "model/norm/gamma:0".
  std::string read(std::string name) const {
    std::replace(name.begin(), name.end(), '/', '.');
    if (extra == Extra::number) {
      const std::size_t colon = name.rfind(':');
      const bool is_number = colon != std::string::npos &&
                             name.find_first_not_of("0123456789", colon + 1) == std::string::npos;
      if (is_number) name.resize(colon);
    } else if (extra != Extra::none) {
      for (const std::string start : {"params.", "batch_stats."}) {
        if (name.compare(0, start.size(), start) == 0) return name.substr(start.size());
      }
    }
    return name;
  }

  /// The reverse. Running statistics are in a collection of their own.
  std::string written(std::string name, bool is_statistic) const {
    if (extra == Extra::collection) {
      name = (is_statistic ? "batch_stats." : "params.") + name;
    }
    std::replace(name.begin(), name.end(), '.', separator);
    return name;
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
