// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "eigen_norm/io/state_dict.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// What `load` left as it was, and what it did not use.
struct LoadReport {
  std::vector<std::string> missing;     ///< in the state dict; the model's own values stay
  std::vector<std::string> unexpected;  ///< in the model
};

/// A model as a list of layers with their prefixes, to be loaded into:
///
///     io::ModelState model;
///     model.add("stem.norm", norm);
///     model.add("stem.weight", weights);
///     model.load(io::load_safetensors("model.safetensors"));
class ModelState : public NamedTensors<MutableTensorView> {
 public:
  /// Copies the tensors of `from` into those of the model of the same names, floats into floats of
  /// any type and integers into integers.
  ///
  /// Throws one std::invalid_argument that lists every name that is missing or unexpected, and
  /// every tensor of another shape or kind, with a value beyond the range of the model's type, or
  /// that is a view of another tensor of the model; nothing is changed then. With `strict` false,
  /// names may be missing or unexpected, and are returned. As torch.nn.Module.load_state_dict.
  LoadReport load(const StateDict& from, bool strict = true) {
    LoadReport report;
    std::string faults;
    for (const Entry& entry : *this) {
      const StateDict::Entry* const found = from.find(entry.name);
      if (found == nullptr) {
        report.missing.push_back(entry.name);
      } else {
        faults += fault_of(entry.name, *found, entry.view);
      }
    }
    for (const StateDict::Entry& entry : from) {
      if (!this->contains(entry.name)) report.unexpected.push_back(entry.name);
    }
    if (strict)
      faults = list("missing", report.missing) + list("unexpected", report.unexpected) + faults;
    if (!faults.empty()) memory::raise_invalid("load: the state does not fit the model" + faults);

    for (const Entry& entry : *this) {
      const StateDict::Entry* const found = from.find(entry.name);
      if (found != nullptr && found->view.data != entry.view.data) copy(found->view, entry.view);
    }
    return report;
  }

  /// The same views, to be saved.
  StateDict state_dict() const {
    StateDict result;
    for (const Entry& entry : *this) result.add_view(entry.name, entry.view, entry.memory);
    return result;
  }

 private:
  static std::string list(const char* what, const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text.empty() ? text : "\n  " + std::string(what) + ": " + text;
  }

  std::string fault_of(const std::string& name, const StateDict::Entry& found,
                       const MutableTensorView& to) const {
    const TensorView& from = found.view;
    const std::string expected = "\n  " + name + ": expected ";
    if (from.shape != to.shape) return expected + to.shape.text() + ", got " + from.shape.text();
    if (!is_convertible(from.type, to.type)) {
      return expected + name_of(to.type) + ", got " + name_of(from.type);
    }
    if (!all_fit(from, to.type)) {
      return expected + "values within " + name_of(to.type) + ", got one beyond";
    }
    if (found.memory == nullptr && !is_the_same(from, to) && is_overwritten(from)) {
      return expected + "memory apart from the model's, got a view of it";
    }
    return "";
  }

  static bool is_the_same(const TensorView& a, const TensorView& b) {
    return a.data == b.data && a.type == b.type && a.strides == b.strides;
  }

  /// Whether a load would change what is yet to be read.
  bool is_overwritten(const TensorView& from) const {
    return std::any_of(this->begin(), this->end(),
                       [&](const Entry& entry) { return have_bytes_in_common(from, entry.view); });
  }
};

/// Loads a single layer, or a model that has for_each_state; see ModelState::load.
template <typename Model>
LoadReport load(const StateDict& from, Model& model, bool strict = true) {
  ModelState state;
  state.add("", model);
  return state.load(from, strict);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
