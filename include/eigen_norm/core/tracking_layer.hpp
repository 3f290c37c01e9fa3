// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>

#include "eigen_norm/core/checks.hpp"
#include "eigen_norm/core/conditioned.hpp"
#include "eigen_norm/core/running_statistics.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// What the layers over channels share that may keep running statistics: BatchNorm and
/// InstanceNorm. In training they normalise by the statistics of the data; in eval, in infer and
/// when frozen by the running ones, where they keep some.
///
/// A derived class says the rest of what Layer asks for, and:
///
///     class_name(), expected_input(rank), hint(shape)    for error messages
///     channel_axis(rank)                                 where the channels stand in such an input
///     has_one_value(shape), more_than_one_value          what training refuses, its opposite in
///                                                        words
///     check_batch(shape)                                 what else it does; nothing by default
///     normalise_batch(x, y, shape, var)                  in training, where statistics are by
///                                                        channel; as Layer does by default
template <typename Derived, typename Scalar, int Channels, typename Options>
class TrackingLayer : public Conditioned<Derived, Scalar, Channels> {
  using Base = Conditioned<Derived, Scalar, Channels>;
  friend Base;
  friend typename Base::LayerBase;
  friend typename Base::CallsBase;

 public:
  using typename Base::P;
  using typename Base::S;

  const Options& options() const { return options_; }
  Index num_features() const { return num_features_; }
  /// As error messages have it: "BatchNorm2d(64)".
  std::string name() const {
    return Derived::class_name() + "(" + std::to_string(num_features_) + ")";
  }

  /// Uses the running statistics and keeps them, whatever train() says, until unfreeze().
  void freeze() {
    check_tracking("freeze");
    frozen_ = true;
  }
  void unfreeze() { frozen_ = false; }
  bool is_frozen() const { return frozen_; }

  /// By channel; empty where the options say that none are tracked.
  Parameters<P, Channels>& running_mean() { return running_.mean(); }
  Parameters<P, Channels>& running_var() { return running_.var(); }
  const Parameters<P, Channels>& running_mean() const { return running_.mean(); }
  const Parameters<P, Channels>& running_var() const { return running_.var(); }

  /// Training batches taken into the running statistics, and those left out as not finite.
  Index& num_batches_tracked() { return running_.tracked(); }
  Index num_batches_tracked() const { return running_.tracked(); }
  Index num_batches_skipped() const { return running_.skipped(); }
  void reset_running_stats() { running_.reset(); }

  /// As LayerState::for_each_state, the running statistics included where some are tracked.
  template <typename F>
  void for_each_state(F&& f) {
    visit_state(*this, f);
  }
  template <typename F>
  void for_each_state(F&& f) const {
    visit_state(*this, f);
  }

  /// What inference by the running statistics does to each channel, y = x * scale + shift: to be
  /// folded into a neighbouring layer, say. Computed in Stat, or in T where that is wider, and
  /// rounded once, to T. Where a mean is many sigma from 0, infer itself is more accurate. Throws
  /// std::logic_error without running statistics.
  template <typename T = P>
  ChannelAffine<T, Channels> inference_affine() const {
    using Wide = std::common_type_t<S, Stat<T>>;
    check_tracking("inference_affine");
    this->check_parameters();
    check_running();
    const auto affine = this->affine().view();
    ChannelAffine<T, Channels> result;
    result.scale.resize(num_features_);
    result.shift.resize(num_features_);
    for (Index c = 0; c < num_features_; ++c) {
      const Wide var = Wide(running_.var()[c]), mean = Wide(running_.mean()[c]);
      const Wide scale = Wide(affine.gamma_at(c)) * kernels::inverse_std(var, options_.eps);
      const Wide moved = mean * scale;
      result.scale[c] = kernels::narrow<T>(scale);
      result.shift[c] = kernels::rounded<T>(Wide(Wide(affine.beta_at(c)) - moved));
    }
    return result;
  }

 protected:
  using TrackingBase = TrackingLayer;
  using typename Base::ConstOperand;
  using typename Base::MutableOperand;

  TrackingLayer(Index num_features, const Options& options)
      : Base(checked(num_features, options), options.eps, options.gamma, options.beta),
        num_features_(num_features),
        options_(options),
        running_(options.track_running_stats ? num_features : 0) {}
  ~TrackingLayer() = default;
  TrackingLayer(const TrackingLayer&) = default;
  TrackingLayer(TrackingLayer&&) noexcept = default;
  TrackingLayer& operator=(const TrackingLayer&) = default;
  TrackingLayer& operator=(TrackingLayer&&) noexcept = default;

  void check_tracking(const char* call) const {
    if (options_.track_running_stats) return;
    memory::raise_logic(name() + ": " + call +
                        " needs running statistics, but track_running_stats is false");
  }
  void check_running() const {
    if (options_.track_running_stats &&
        (running_.mean().size() != num_features_ || running_.var().size() != num_features_)) {
      memory::raise_invalid(name() + ": expected running_mean and running_var of " +
                            std::to_string(num_features_) + " values each, got " +
                            std::to_string(running_.mean().size()) + " and " +
                            std::to_string(running_.var().size()));
    }
  }
  RunningStatistics<Scalar, Channels>& running() { return running_; }
  Options& mutable_options() { return options_; }

  void check_batch(const memory::Shape&) const {}
  void normalise_batch(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape,
                       S* var) {
    this->normalise_by_own(x, y, shape, var);
  }

  bool uses_running(bool inference) const {
    return options_.track_running_stats && (inference || frozen_ || !this->is_training());
  }

  void normalise(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape) {
    if (uses_running(false)) return normalise_by_running(x, y, shape);
    if (!options_.track_running_stats) return this->normalise_by_own(x, y, shape);
    const S correction =
        running_.correction(x.shape.values_per_statistic(), options_.running_variance);
    if (x.shape.repeats > 1) return normalise_repeats(x, y, shape, correction);
    S* const var = this->scratch();
    self().normalise_batch(x, y, shape, var);
    remember(this->last().mean.data(), var, correction);
  }

  /// Takes mean and corrected variance into the running ones.
  void remember(const S* mean, S* var, const S& correction) {
    for (Index c = 0; c < num_features_; ++c) var[c] *= correction;
    running_.update(mean, var, options_.momentum);
  }

  /// "64, H, W" or "H, W, 64"
  std::string expected_channels(int spatial_rank) const {
    static const char* const names[] = {"", "L", "H, W", "D, H, W"};
    eigen_assert(0 <= spatial_rank && spatial_rank <= 3);
    const std::string spatial = names[spatial_rank];
    std::string channels = std::to_string(num_features_);
    if (spatial_rank == 0) return channels;
    return options_.channels == ChannelAxis::first ? channels + ", " + spatial
                                                   : spatial + ", " + channels;
  }

 private:
  const Derived& self() const { return static_cast<const Derived&>(*this); }
  Derived& self() { return static_cast<Derived&>(*this); }

  template <typename Self, typename F>
  static void visit_state(Self& self, F& f) {
    self.Base::for_each_state(f);
    if (!self.options_.track_running_stats) return;
    f(std::string_view("running_mean"), self.running_.mean());
    f(std::string_view("running_var"), self.running_.var());
    f(std::string_view("num_batches_tracked"), self.running_.tracked());
  }

  static Index checked(Index num_features, const Options& options) {
    check_size<Channels>(Derived::class_name(), "num_features", num_features);
    check_eps(Derived::class_name(), options.eps);
    return num_features;
  }

  void check_input(const memory::Shape& shape, Purpose purpose) const {
    if (shape[self().channel_axis(shape.rank())] != num_features_) {
      this->raise_shape("input", self().expected_input(shape.rank()), shape, self().hint(shape));
    }
    check_running();
    const bool inference = purpose == Purpose::inference;
    if (purpose == Purpose::part || uses_running(inference)) return;
    self().check_batch(shape);
    if (self().has_one_value(shape)) {
      const bool training = this->is_training() && !inference;
      this->raise_shape(Derived::more_than_one_value,
                        training ? "when training" : "without running statistics", shape);
    }
  }

  void normalise_by_running(const ConstOperand& x, const MutableOperand& y,
                            const memory::Shape& shape) {
    auto& last = this->last();
    last.resize(num_features_);
    last.begin(shape, false);
    const auto running = running_.view(options_.eps);
    for (Index c = 0; c < num_features_; ++c) {
      last.mean.data()[c] = running.at(c).mean;
      last.inv_std.data()[c] = running.at(c).inv_std;
    }
    infer_into(x, y);
  }

  /// In training, where each repeat has statistics of its own: the running ones take in their
  /// average, mean(c) = sum_r mean(r, c) / repeats, and var(c) likewise, by Welford's update: what
  /// all share is their average exactly.
  void normalise_repeats(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape,
                         const S& correction) {
    const Index repeats = x.shape.repeats;
    const auto array = [this](Index i) { return this->scratch(3) + i * num_features_; };
    S *const mean = array(0), *const var = array(1);
    auto& last = this->last();
    last.begin(shape, true);
    last.resize(x.shape.statistics());
    const kernels::KeptStatistics<S> one{array(2), array(3), array(4)};
    std::fill_n(mean, 2 * num_features_, S(0));
    for (Index r = 0; r < repeats; ++r) {
      this->normalise_keeping(one, x.repeat(r), y.repeat(r));
      const S seen = S(static_cast<double>(r + 1));
      for (Index c = 0; c < num_features_; ++c) {
        mean[c] += S((one.mean[c] - mean[c]) / seen);
        var[c] += S((one.var[c] - var[c]) / seen);
        if (!last.is_kept()) continue;
        last.mean.data()[r * num_features_ + c] = one.mean[c];
        last.inv_std.data()[r * num_features_ + c] = one.inv_std[c];
      }
    }
    remember(mean, var, correction);
  }

  /// The same from statistics under conditions, averaged over instances that have more than one
  /// value.
  void take_in(const Units& parts, const Mask* mask, const Parameters<S>& mean,
               const Parameters<S>& var) {
    if (!options_.track_running_stats) return;
    Parameters<S> batch_mean = Parameters<S>::Zero(num_features_), batch_var = batch_mean;
    Index instances = 0;
    for (Index u = 0; u < (parts.share_statistics() ? 1 : parts.count()); ++u) {
      const Index values = parts.values(mask, u), first = parts.first_statistic(u);
      if (values < 2) continue;
      const S seen = S(static_cast<double>(++instances));
      const S correction = running_.correction(values, options_.running_variance);
      batch_mean += (mean.segment(first, num_features_) - batch_mean) / seen;
      batch_var += (var.segment(first, num_features_) * correction - batch_var) / seen;
    }
    if (instances == 0) return;
    running_.update(batch_mean.data(), batch_var.data(), options_.momentum);
  }

  void read_running(Parameters<S>& mean, Parameters<S>& var) const {
    mean = running_.mean().template cast<S>();
    var = running_.var().template cast<S>();
  }

  void infer_into(const ConstOperand& x, const MutableOperand& y) const {
    if (!options_.track_running_stats) return this->normalise_keeping({}, x, y);
    this->normalise_by(running_.view(options_.eps), x, y);
  }

  Index num_features_;
  Options options_;
  RunningStatistics<Scalar, Channels> running_;
  bool frozen_ = false;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
