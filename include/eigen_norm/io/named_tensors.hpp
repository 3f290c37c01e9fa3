// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "eigen_norm/io/tensor_view.hpp"
#include "eigen_norm/memory/error.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

struct AnyState {
  template <typename Value>
  void operator()(std::string_view, Value&&) const {}
};

/// Whether it is a layer, or a model that has for_each_state as layers have.
template <typename Source, typename = void>
inline constexpr bool names_its_state = false;
template <typename Source>
inline constexpr bool names_its_state<
    Source,
    std::void_t<decltype(std::declval<Source&>().for_each_state(std::declval<AnyState>()))>> = true;

/// Whether its parameters, flat in memory, have the shape normalized_shape(): LayerNorm, RMSNorm.
template <typename Source, typename = void>
inline constexpr bool has_normalized_shape = false;
template <typename Source>
inline constexpr bool has_normalized_shape<
    Source, std::void_t<decltype(std::declval<const Source&>().normalized_shape())>> = true;

/// Whether an object of the type shows memory that does not end with it: a map, a block, or a
/// transposed one of those; not a Ref of const, which may hold a copy of its own.
template <typename Type>
inline constexpr bool is_borrowed = [] {
  if constexpr (memory::is_dense<Type>) {
    return memory::EigenObject<Type>::has_memory && !memory::EigenObject<Type>::is_owner;
  } else {
    return false;
  }
}();
template <typename Plain, int Options, typename Stride>
inline constexpr bool is_borrowed<Eigen::Ref<const Plain, Options, Stride>> = false;
template <typename Plain, int Options, template <class> class Pointer>
inline constexpr bool is_borrowed<Eigen::TensorMap<Plain, Options, Pointer>> = true;

/// Views of tensors, each by a name of its own, in the order in which they were added.
template <typename View>
class NamedTensors {
 public:
  struct Entry {
    std::string name;
    View view;
    std::shared_ptr<const void> memory;  ///< keeps it alive; null where it is somebody else's
  };

  /// The state of a layer, or of whatever else has for_each_state, by the names of PyTorch's
  /// state_dict: "<prefix>.weight", "<prefix>.bias", "<prefix>.running_mean" and so on, with no dot
  /// where the prefix is empty. Or, by the name itself, an Eigen object, or a number.
  ///
  /// These are views: what is added must stay where it is, and its arrays must keep their sizes.
  /// Throws std::invalid_argument for a name that is there already.
  template <typename Source>
  void add(const std::string& prefix, Source&& source) {
    using Type = std::remove_reference_t<Source>;
    if constexpr (names_its_state<Type>) {
      static_assert(std::is_lvalue_reference_v<Source>,
                    "eigen_norm: a view of a temporary layer would outlive it");
      const std::string start = prefix.empty() ? "" : prefix + ".";
      std::vector<Entry> state;
      source.for_each_state([&](std::string_view name, auto& value) {
        state.push_back(
            {start + std::string(name), shaped_by(source, as_view(view_of(value))), {}});
      });
      add_all(std::move(state));
    } else {
      static_assert(std::is_lvalue_reference_v<Source> || is_borrowed<std::remove_cv_t<Type>>,
                    "eigen_norm: a view of a temporary tensor would outlive it");
      add_view(prefix, as_view(view_of(source)), nullptr);
    }
  }

  /// A tensor whose memory, if it is not null, lives as long as this list or a copy of it.
  void add_view(std::string name, const View& view, std::shared_ptr<const void> memory) {
    std::vector<Entry> one;
    one.push_back({std::move(name), view, std::move(memory)});
    add_all(std::move(one));
  }

  /// Null where there is none of that name.
  const Entry* find(const std::string& name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &entries_[found->second];
  }
  bool contains(const std::string& name) const { return find(name) != nullptr; }

  std::size_t size() const { return entries_.size(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  /// All of them or, where a name is there already, none.
  void add_all(std::vector<Entry>&& fresh) {
    for (std::size_t k = 0; k < fresh.size(); ++k) {
      if (index_.emplace(fresh[k].name, entries_.size() + k).second) continue;
      const std::string twice = fresh[k].name;
      while (k > 0) index_.erase(fresh[--k].name);
      memory::raise_invalid("eigen_norm: expected each name of a state once, got " + twice +
                            " twice");
    }
    std::move(fresh.begin(), fresh.end(), std::back_inserter(entries_));
  }

  template <typename Viewed>
  static View as_view(const Viewed& view) {
    static_assert(std::is_convertible_v<Viewed, View>,
                  "eigen_norm: a model to load into must be writable, and this is const");
    return view;
  }

  /// normalized_shape() {56, 56} has weights of 3136 values, whose shape is (56, 56).
  template <typename Source>
  static View shaped_by(const Source& source, View view) {
    if constexpr (has_normalized_shape<Source>) {
      memory::Shape shape;
      for (const Index size : source.normalized_shape()) shape.push_back(size);
      if (shape.size() == view.shape.size()) {
        view.shape = shape;
        view.strides = packed_strides(shape);
      }
    }
    return view;
  }

  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
