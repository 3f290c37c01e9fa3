// SPDX-License-Identifier: MIT
#include "eigen_norm/memory/collapsed_shape.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "support/logical.hpp"

// A collapsed shape is right when every element of the tensor is visited once, with the statistic
// and with the gamma that its logical index says.
namespace eigen_norm::memory {
namespace {

using test::Dims;
using Owner = std::function<Index(const Dims&)>;

Shape shape_of(const Dims& dims) {
  Shape shape;
  for (const Index dim : dims) shape.push_back(dim);
  return shape;
}

// Where the element at these logical indices lies.
Index place(const Layout& layout, const Dims& at) {
  if (layout.shape.rank() == 2) {
    return layout.row_major ? at[0] * layout.leading + at[1] : at[1] * layout.leading + at[0];
  }
  Index result = 0;
  const auto rank = static_cast<int>(at.size());
  for (int step = 0; step < rank; ++step) {
    const int axis = layout.row_major ? step : rank - 1 - step;
    result = result * layout.shape[axis] + at[static_cast<std::size_t>(axis)];
  }
  return result;
}

void expect_view(const CollapsedShape& view, const Layout& layout, const Owner& statistic_of,
                 const Owner& parameter_of) {
  struct Visit {
    Index times = 0, statistic = -1, parameter = -1;
  };
  std::vector<Visit> visits(static_cast<std::size_t>(layout.span()));
  for (Index r = 0; r < view.repeats; ++r) {
    for (Index c = 0; c < view.channels; ++c) {
      for (Index o = 0; o < view.outer; ++o) {
        for (Index i = 0; i < view.inner; ++i) {
          Visit& visit = visits.at(static_cast<std::size_t>(view.offset(r, c, o) + i));
          ++visit.times;
          visit.statistic = view.statistic(r, c / view.group);
          visit.parameter = view.affine_index(c);
        }
      }
    }
  }
  Dims dims;
  for (int axis = 0; axis < layout.shape.rank(); ++axis) dims.push_back(layout.shape[axis]);
  EXPECT_EQ(view.repeats * view.channels * view.outer * view.inner, layout.shape.size());
  EXPECT_EQ(view.statistics() * view.values_per_statistic(), layout.shape.size());
  test::for_each_index(dims, [&](const Dims& at) {
    const Visit& visit = visits[static_cast<std::size_t>(place(layout, at))];
    ASSERT_EQ(visit.times, 1) << testing::PrintToString(at);
    ASSERT_EQ(visit.statistic, statistic_of(at)) << testing::PrintToString(at);
    ASSERT_EQ(visit.parameter, parameter_of(at)) << testing::PrintToString(at);
  });
}

// Runs check(layout) in both storage orders, matrices with gaps as well.
template <typename Check>
void for_each_layout(const Dims& dims, Check check) {
  for (const bool row_major : {true, false}) {
    SCOPED_TRACE(testing::PrintToString(dims) + (row_major ? " row-major" : " column-major"));
    const Layout packed = Layout::packed(shape_of(dims), row_major);
    check(packed);
    if (dims.size() == 2) check(Layout{packed.shape, row_major, packed.leading + 3});
  }
}

const std::vector<Dims>& channel_shapes() {
  static const std::vector<Dims> shapes{{5, 6},       {1, 6},      {5, 2},    {1, 2},
                                        {4, 6, 3},    {4, 6, 1},   {1, 6, 4}, {1, 2, 1},
                                        {3, 6, 2, 6}, {1, 6, 1, 6}};
  return shapes;
}

template <typename Check>
void for_each_axis(Check check) {
  for (const Dims& dims : channel_shapes()) {
    for_each_layout(dims, [&](const Layout& layout) {
      for (const ChannelAxis axis : {ChannelAxis::first, ChannelAxis::last}) {
        check(layout, axis, axis == ChannelAxis::first ? std::size_t{1} : dims.size() - 1);
      }
    });
  }
}

TEST(CollapsedShape, OverTheBatchHasOneStatisticForEachChannel) {
  for_each_axis([](const Layout& layout, ChannelAxis axis, std::size_t channel_axis) {
    const Owner channel = [=](const Dims& at) { return at[channel_axis]; };
    expect_view(CollapsedShape::over_batch(layout, axis), layout, channel, channel);
  });
}

TEST(CollapsedShape, OverSamplesHasOneStatisticForEachSampleAndGroup) {
  for_each_axis([](const Layout& layout, ChannelAxis axis, std::size_t channel_axis) {
    const Index channels = layout.shape[static_cast<int>(channel_axis)];
    for (const Index groups : {Index{1}, Index{2}, channels}) {
      if (channels % groups != 0) continue;
      const Owner group = [=](const Dims& at) {
        return at[0] * groups + at[channel_axis] / (channels / groups);
      };
      expect_view(CollapsedShape::over_samples(layout, axis, groups), layout, group,
                  [=](const Dims& at) { return at[channel_axis]; });
    }
  });
}

// Statistics and parameters are numbered in row-major order, whatever the order in memory.
TEST(CollapsedShape, OverTrailingDimensionsHasOneStatisticForEachRow) {
  for (const Dims& dims : {Dims{7}, Dims{5, 6}, Dims{1, 6}, Dims{5, 1}, Dims{1, 1}, Dims{4, 5, 3},
                           Dims{2, 3, 4, 5}, Dims{1, 3, 1, 5}}) {
    const auto rank = static_cast<int>(dims.size());
    for_each_layout(dims, [&](const Layout& layout) {
      for (int normalized = 1; normalized <= rank; ++normalized) {
        if (normalized > 1 && !layout.is_packed()) continue;
        const auto flat = [&layout](const Dims& at, int begin, int end) {
          Index result = 0;
          for (int axis = begin; axis < end; ++axis) {
            result = result * layout.shape[axis] + at[static_cast<std::size_t>(axis)];
          }
          return result;
        };
        expect_view(
            CollapsedShape::over_trailing(layout, normalized), layout,
            [=](const Dims& at) { return flat(at, 0, rank - normalized); },
            [=](const Dims& at) { return flat(at, rank - normalized, rank); });
      }
    });
  }
}

Loop batch_loop(const Dims& dims, bool row_major, ChannelAxis axis) {
  return CollapsedShape::over_batch(Layout::packed(shape_of(dims), row_major), axis).loop();
}
Loop sample_loop(const Dims& dims, bool row_major, ChannelAxis axis) {
  return CollapsedShape::over_samples(Layout::packed(shape_of(dims), row_major), axis, 2).loop();
}
Loop row_loop(const Dims& dims, bool row_major, int normalized) {
  return CollapsedShape::over_trailing(Layout::packed(shape_of(dims), row_major), normalized)
      .loop();
}

TEST(CollapsedShape, KnowsTheLoopThatSuitsIt) {
  constexpr auto first = ChannelAxis::first, last = ChannelAxis::last;
  EXPECT_EQ(batch_loop({8, 4, 5, 5}, true, first), Loop::run);
  EXPECT_EQ(batch_loop({8, 4, 5, 5}, false, first), Loop::run);
  EXPECT_EQ(batch_loop({8, 5, 5, 4}, true, last), Loop::column);
  EXPECT_EQ(batch_loop({8, 5, 5, 4}, false, last), Loop::run);
  EXPECT_EQ(batch_loop({8, 4}, true, first), Loop::column);
  EXPECT_EQ(batch_loop({8, 4}, false, first), Loop::run);
  EXPECT_EQ(sample_loop({8, 4, 5, 5}, true, first), Loop::run);
  EXPECT_EQ(sample_loop({8, 5, 5, 4}, true, last), Loop::column);
  EXPECT_EQ(sample_loop({8, 4, 5, 5}, false, first), Loop::lane);
  EXPECT_EQ(sample_loop({8, 4}, true, first), Loop::row);
  EXPECT_EQ(row_loop({8, 4}, true, 1), Loop::row);
  EXPECT_EQ(row_loop({8, 4}, false, 1), Loop::lane);
  EXPECT_EQ(row_loop({3, 8, 4}, false, 2), Loop::lane);
}

}  // namespace
}  // namespace eigen_norm::memory
