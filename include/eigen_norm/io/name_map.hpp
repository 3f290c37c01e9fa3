// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "eigen_norm/io/name_map/naming.hpp"
#include "eigen_norm/io/state_dict.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Between the names that another framework gives the state of a normalization and PyTorch's, which
/// are this library's:
///
///     io::load(io::NameMap::keras().to_torch(io::load_npz("model.npz")), model);
///
/// | PyTorch      | Keras           | Flax  | ONNX                |
/// |--------------|-----------------|-------|---------------------|
/// | weight       | gamma           | scale | scale               |
/// | bias         | beta            | bias  | B                   |
/// | running_mean | moving_mean     | mean  | input_mean, or mean |
/// | running_var  | moving_variance | var   | input_var, or var   |
///
/// A name is a path, "model/norm/gamma" or "model.norm.gamma". Its last part is renamed where what
/// is before it, the layer, is a normalization: by any of Keras's four names, by "scale",
/// "input_mean" or "input_var", or by "mean" and "var" together; in PyTorch by both running
/// statistics, or by a weight that is a vector or has the shape of the bias beside it. All other
/// names keep their parts, but for Flax's "params" and Keras's ":0", and all tensors their shapes:
/// a kernel of Keras or Flax stays (in, out) where PyTorch's is (out, in).
///
/// The result holds views of the same tensors, and keeps alive what those kept alive.
class NameMap {
 public:
  /// Reads Keras 2's "norm/gamma:0" too, and RMSNormalization's "scale"; writes "norm/gamma".
  static NameMap keras() { return NameMap(Naming::keras()); }
  /// Flax's linen, in collections: "params/norm/scale" and "batch_stats/norm/mean". Reads what
  /// flax_nnx does, too.
  static NameMap flax() { return NameMap(Naming::flax()); }
  /// Flax's nnx: "norm.scale" and "norm.mean". Reads what flax does, too.
  static NameMap flax_nnx() { return NameMap(Naming::flax_nnx()); }
  /// By the names that ONNX gives the inputs of its operators: "norm.scale" and "norm.B".
  static NameMap onnx() { return NameMap(Naming::onnx()); }

  /// Beside each running_mean stands a num_batches_tracked of 0, if there is none.
  ///
  /// Throws std::invalid_argument where two names become one, as "a/gamma" and "a.gamma" do.
  StateDict to_torch(const StateDict& theirs) const {
    std::vector<Place> places;
    for (const StateDict::Entry& entry : theirs) {
      const Naming::Read read = naming_.read(entry.name);
      Place place = place_of(read.name);
      place.pair = naming_.find_theirs(read, place.leaf);
      place.collection = read.collection;
      place.tells = place.pair != nullptr && place.pair->tells;
      places.push_back(place);
    }
    const std::set<std::string> layers = recognise(places);
    StateDict result = renamed(theirs, places, [](const Place& place) -> Name {
      if (place.pair != nullptr) return place.layer + place.pair->torch;
      return Naming::kept(place.collection) + place.layer + place.leaf;
    });
    for (const std::string& layer : layers) {
      const std::string counter = layer + batches;
      if (!result.contains(layer + mean) || result.contains(counter)) continue;
      const auto zero = std::make_shared<std::int64_t>(0);
      result.add_view(counter, view_of(*zero), zero);
    }
    return result;
  }

  /// The reverse, without num_batches_tracked, which is PyTorch's own. Of several names for the
  /// same it writes the first of the table, so that the way back gives the names that came where
  /// those were written.
  StateDict from_torch(const StateDict& ours) const {
    std::vector<Place> places;
    for (const StateDict::Entry& entry : ours) {
      Place place = place_of(entry.name);
      place.pair = naming_.find(&Naming::Pair::torch, place.leaf);
      place.tells =
          place.leaf == "weight" && is_affine(entry.view, ours.find(place.layer + "bias"));
      places.push_back(place);
    }
    recognise(places);
    return renamed(ours, places, [&](const Place& place) -> Name {
      if (place.leaf == batches) return std::nullopt;
      const std::string& leaf = place.pair != nullptr ? place.pair->theirs : place.leaf;
      return naming_.written(place.layer + leaf, place.pair);
    });
  }

 private:
  using Name = std::optional<std::string>;

  /// A name in parts: "model.norm." and "gamma".
  struct Place {
    std::string layer, leaf;
    std::string collection;  // as Naming::Read has it
    const Naming::Pair* pair = nullptr;
    bool tells = false;  // that the layer is a normalization
  };

  static constexpr char mean[] = "running_mean", var[] = "running_var",
                        batches[] = "num_batches_tracked";

  explicit NameMap(Naming naming) : naming_(std::move(naming)) {}

  static Place place_of(const std::string& name) {
    const std::size_t leaf = name.rfind('.') + 1;  // 0 where there is no dot
    Place place;
    place.layer = name.substr(0, leaf);
    place.leaf = name.substr(leaf);
    return place;
  }

  static bool is_affine(const TensorView& weight, const StateDict::Entry* bias) {
    return weight.shape.rank() == 1 || (bias != nullptr && bias->view.shape == weight.shape);
  }

  /// The layers that are normalizations; in the places of others the pairs are forgotten.
  static std::set<std::string> recognise(std::vector<Place>& places) {
    std::set<std::string> result, with_mean, with_var;
    for (const Place& place : places) {
      if (place.tells) result.insert(place.layer);
      if (place.pair != nullptr && place.pair->torch == mean) with_mean.insert(place.layer);
      if (place.pair != nullptr && place.pair->torch == var) with_var.insert(place.layer);
    }
    std::set_intersection(with_mean.begin(), with_mean.end(), with_var.begin(), with_var.end(),
                          std::inserter(result, result.end()));
    for (Place& place : places) {
      if (result.count(place.layer) == 0) place.pair = nullptr;
    }
    return result;
  }

  /// Each entry by name_of(place), left out where that is none.
  template <typename NameOf>
  static StateDict renamed(const StateDict& from, const std::vector<Place>& places,
                           const NameOf& name_of) {
    StateDict result;
    std::map<std::string, std::string> old_names;
    auto place = places.begin();
    for (const StateDict::Entry& entry : from) {
      const Name name = name_of(*place++);
      if (!name) continue;
      const auto [old, is_new] = old_names.emplace(*name, entry.name);
      if (!is_new) {
        memory::raise_invalid("NameMap: expected a name for each tensor, got " + *name + " for " +
                              old->second + " and " + entry.name);
      }
      result.add_view(*name, entry.view, entry.memory);
    }
    return result;
  }

  Naming naming_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
