// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/memory/layout.hpp"

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

/// The four inner loops of the library, told apart by what changes along adjacent elements.
enum class Loop {
  run,     ///< neither the statistic nor gamma and beta: BatchNorm2d, GroupNorm
  column,  ///< both: BatchNorm1d on (N, C), every channels-last layer
  row,     ///< gamma and beta alone: LayerNorm, GroupNorm on (N, C)
  lane     ///< the statistic alone: column-major LayerNorm and GroupNorm
};

/// A flat buffer seen as a normalization sees it: which elements share a statistic, which share a
/// gamma and a beta. Every layer, axis order and storage order is one of these.
///
///     element (r, o, c, i)  lies at  r * repeat_stride + o * outer_stride + c * channel_stride + i
///     gamma, beta           of channel c
///     statistic             of (r, c / group), over all o and i and the `group` channels
///
/// | layer                | input     | storage      | repeats | outer | channels | inner | group |
/// |----------------------|-----------|--------------|---------|-------|----------|-------|-------|
/// | BatchNorm            | (N, C, S) | row-major    | 1       | N     | C        | S     | 1     |
/// | BatchNorm            | (N, C, S) | column-major | 1       | S     | C        | N     | 1     |
/// | BatchNorm, C last    | (N, S, C) | row-major    | 1       | N*S   | C        | 1     | 1     |
/// | BatchNorm, C last    | (N, S, C) | column-major | 1       | 1     | C        | S*N   | 1     |
/// | LayerNorm            | (M, D)    | either       | M       | 1     | D        | 1     | D     |
/// | GroupNorm            | (N, C, S) | row-major    | N       | 1     | C        | S     | C / G |
/// | GroupNorm, otherwise |           |              | N       | S     | C        | 1     | C / G |
///
/// RMSNorm is as LayerNorm. InstanceNorm is GroupNorm with G = C, and, by running statistics,
/// BatchNorm. BatchNorm over parts of a batch repeats its view for each.
struct CollapsedShape {
  Index repeats = 1;
  Index outer = 1;
  Index channels = 1;
  Index inner = 1;
  Index repeat_stride = 0;
  Index outer_stride = 0;
  Index channel_stride = 0;
  Index group = 1;
  /// Column-major LayerNorm over several dimensions runs through them backwards: the normalized
  /// shape, and the leading one. Empty where the order in memory is the logical one.
  Shape reversed_channels = {};
  Shape reversed_repeats = {};

  Index groups() const { return channels / group; }
  Index statistics() const { return repeats * groups(); }
  Index statistic(Index repeat, Index group_index) const {
    return logical_index(reversed_repeats, repeat) * groups() + group_index;
  }
  Index values_per_statistic() const { return outer * group * inner; }
  Index size() const { return repeats * outer * channels * inner; }
  Index offset(Index repeat, Index channel, Index outer_index = 0) const {
    return repeat * repeat_stride + channel * channel_stride + outer_index * outer_stride;
  }

  /// Index into gamma and beta of the channel that comes `channel`-th in memory.
  Index affine_index(Index channel) const { return logical_index(reversed_channels, channel); }

  Loop loop() const {
    if (inner > 1) return Loop::run;
    if (channel_stride == 1 && reversed_channels.rank() == 0) {
      return outer == 1 && group > 1 ? Loop::row : Loop::column;
    }
    return repeats == 1 && group == 1 ? Loop::run : Loop::lane;
  }

  /// Several outer steps that follow each other without a gap are one longer run.
  bool is_one_run() const { return channels == 1 && outer_stride == inner; }
  void merge_runs() {
    inner *= outer;
    outer = 1;
  }

  static CollapsedShape over_batch(const Layout& layout, ChannelAxis axis);
  static CollapsedShape over_parts_of_batch(const Layout& layout, ChannelAxis axis, Index samples);
  static CollapsedShape over_samples(const Layout& layout, ChannelAxis axis, Index groups);
  static CollapsedShape over_trailing(const Layout& layout, int normalized_rank);

 private:
  /// Of dimensions stored first index fastest, the row-major index of the element at `place`.
  static Index logical_index(const Shape& reversed, Index place) {
    if (reversed.rank() == 0) return place;
    Index index = 0;
    for (int axis = 0; axis < reversed.rank(); ++axis) {
      index = index * reversed[axis] + place % reversed[axis];
      place /= reversed[axis];
    }
    return index;
  }
};

/// Samples, channels and positions of (N, C, S) or (N, S, C), each with its stride.
struct ChannelExtents {
  Index samples, channels, positions;
  Index sample_stride, channel_stride, position_stride;

  ChannelExtents(const Layout& layout, ChannelAxis axis) {
    const Shape& shape = layout.shape;
    const int rank = shape.rank();
    const bool last = axis == ChannelAxis::last;
    samples = shape[0];
    channels = shape[last ? rank - 1 : 1];
    positions = last ? shape.product(1, rank - 1) : shape.product(2, rank);
    if (layout.row_major) {
      sample_stride = layout.leading;
      channel_stride = last ? 1 : positions;
      position_stride = last ? channels : 1;
    } else {
      sample_stride = 1;
      channel_stride = rank == 2 ? layout.leading : last ? samples * positions : samples;
      position_stride = last ? samples : samples * channels;
    }
  }
};

/// One statistic per channel, over all samples and positions (BatchNorm).
inline CollapsedShape CollapsedShape::over_batch(const Layout& layout, ChannelAxis axis) {
  const ChannelExtents e(layout, axis);
  CollapsedShape view;
  view.channels = e.channels;
  view.channel_stride = e.channel_stride;
  if (layout.row_major && axis == ChannelAxis::first) {
    view.outer = e.samples;
    view.outer_stride = e.sample_stride;
    view.inner = e.positions;
  } else if (layout.row_major) {
    view.outer = e.samples * e.positions;
    view.outer_stride = e.positions == 1 ? e.sample_stride : e.position_stride;
  } else if (axis == ChannelAxis::first) {
    view.outer = e.positions;
    view.outer_stride = e.position_stride;
    view.inner = e.samples;
  } else {
    view.inner = e.samples * e.positions;
  }
  return view;
}

/// One statistic per channel and part of the batch, of so many samples each (ghost batches).
inline CollapsedShape CollapsedShape::over_parts_of_batch(const Layout& layout, ChannelAxis axis,
                                                          Index samples) {
  const ChannelExtents e(layout, axis);
  CollapsedShape view = over_batch(layout, axis);
  view.repeats = e.samples / samples;
  view.repeat_stride = samples * e.sample_stride;
  if (layout.row_major) {
    view.outer /= view.repeats;
  } else {
    view.outer = e.positions;
    view.outer_stride = e.position_stride;
    view.inner = samples;
  }
  return view;
}

/// One statistic per sample and group of channels (GroupNorm; InstanceNorm: groups = channels).
inline CollapsedShape CollapsedShape::over_samples(const Layout& layout, ChannelAxis axis,
                                                   Index groups) {
  const ChannelExtents e(layout, axis);
  CollapsedShape view;
  view.repeats = e.samples;
  view.repeat_stride = e.sample_stride;
  view.channels = e.channels;
  view.channel_stride = e.channel_stride;
  view.group = e.channels / groups;
  if (e.position_stride == 1) {
    view.inner = e.positions;
  } else {
    view.outer = e.positions;
    view.outer_stride = e.position_stride;
  }
  return view;
}

/// One statistic per row, over the last `normalized_rank` dimensions, each element of which has its
/// own gamma and beta (LayerNorm). A matrix with gaps is one only for `normalized_rank` 1.
inline CollapsedShape CollapsedShape::over_trailing(const Layout& layout, int normalized_rank) {
  const Shape& shape = layout.shape;
  const int rank = shape.rank();
  const Index slow = normalized_rank < rank ? layout.leading : 0;
  CollapsedShape view;
  view.repeats = shape.product(0, rank - normalized_rank);
  view.channels = shape.product(rank - normalized_rank, rank);
  view.group = view.channels;
  if (layout.row_major) {
    view.repeat_stride = rank == 2 ? slow : view.channels;
    view.channel_stride = 1;
  } else {
    view.repeat_stride = 1;
    view.channel_stride = rank == 2 && normalized_rank == 1 ? slow : view.repeats;
    const int leading_rank = rank - normalized_rank;
    if (leading_rank > 1) view.reversed_repeats = shape.part(0, leading_rank);
    if (normalized_rank > 1) view.reversed_channels = shape.part(leading_rank, rank);
  }
  return view;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory
