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

    bool is_statistic() const { return torch == "running_mean" || torch == "running_var"; }
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

  /// A name in parts: "batch_stats." and "norm.mean" of "batch_stats/norm/mean".
  struct Read {
    std::string collection, name;
  };

  /// Flax's collections: the running statistics are in one of their own.
  static constexpr char parameters[] = "params.", statistics[] = "batch_stats.";

  /// Null where there is none of that name.
  const Pair* find(std::string Pair::*side, const std::string& name) const {
    const auto found = std::find_if(pairs.begin(), pairs.end(),
                                    [&](const Pair& pair) { return pair.*side == name; });
    return found == pairs.end() ? nullptr : &*found;
  }

  /// Of their names the pair that is at home in this collection, or null; without one any is.
  const Pair* find_theirs(const Read& read, const std::string& leaf) const {
    const Pair* const pair = find(&Pair::theirs, leaf);
    const bool is_home = pair == nullptr || read.collection.empty() ||
                         (read.collection == statistics) == pair->is_statistic();
    return is_home ? pair : nullptr;
  }

  /// "model.norm.gamma" of "model/norm/gamma:0".
  Read read(std::string name) const {
    std::replace(name.begin(), name.end(), '/', '.');
    if (extra == Extra::number) {
      const std::size_t colon = name.rfind(':');
      const bool is_number = colon != std::string::npos && colon + 1 < name.size() &&
                             name.find_first_not_of("0123456789", colon + 1) == std::string::npos;
      if (is_number) name.resize(colon);
    } else if (extra != Extra::none) {
      for (const std::string collection : {parameters, statistics}) {
        if (starts_with(name, collection)) return {collection, name.substr(collection.size())};
      }
    }
    return {"", name};
  }

  /// In a name of PyTorch's that is no running statistic: of what else is in their collection, that
  /// one, and none of a parameter.
  static std::string kept(const std::string& collection) {
    return collection == statistics ? collection : "";
  }

  /// The reverse, of a name of the pair, or of another, where that is null: it is a parameter, or
  /// has its collection already.
  std::string written(std::string name, const Pair* pair) const {
    const bool has_collection = pair == nullptr && starts_with(name, statistics);
    if (extra == Extra::collection && !has_collection) {
      name = (pair != nullptr && pair->is_statistic() ? statistics : parameters) + name;
    }
    std::replace(name.begin(), name.end(), '.', separator);
    return name;
  }

 private:
  static bool starts_with(const std::string& name, const std::string& start) {
    return name.compare(0, start.size(), start) == 0;
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
