// SPDX-License-Identifier: MIT
#include "differential/subject.hpp"

namespace eigen_norm::test {

namespace {

Subject by_channel(Index channels) {
  Subject subject;
  subject.parameters = channels;
  subject.statistic_of = subject.parameter_of = at_axis(1);
  subject.definition = [](const Logical& x, const Logical& dy, const Affine& affine, Real eps) {
    return batch_norm(x, dy, affine, eps);
  };
  return subject;
}

Subject by_group(Index groups, Index channels) {
  Subject subject = by_channel(channels);
  subject.statistic_of = [=](const Dims& at) {
    return static_cast<std::size_t>(at[0] * groups + at[1] / (channels / groups));
  };
  subject.definition = [groups](const Logical& x, const Logical& dy, const Affine& affine,
                                Real eps) { return group_norm(x, dy, affine, eps, groups); };
  return subject;
}

Subject by_row(const Dims& dims, Index normalized_rank, Index features) {
  const auto flat = [dims](const Dims& at) {
    Index result = 0;
    for (std::size_t axis = 0; axis < dims.size(); ++axis) result = result * dims[axis] + at[axis];
    return result;
  };
  Subject subject;
  subject.parameters = features;
  subject.statistic_of = [=](const Dims& at) {
    return static_cast<std::size_t>(flat(at) / features);
  };
  subject.parameter_of = [=](const Dims& at) {
    return static_cast<std::size_t>(flat(at) % features);
  };
  subject.definition = [=](const Logical& x, const Logical& dy, const Affine& affine, Real eps) {
    return layer_norm(x, dy, affine, eps, normalized_rank);
  };
  return subject;
}

}  // namespace

Subject subject_of(const Configuration& configuration, bool own_statistics) {
  const auto& [layer, dims, layout, settings, steps, data, seed] = configuration;
  if (layer == Layer::layer_norm) {
    return by_row(dims, settings.parts, values_per_statistic(configuration));
  }
  if (is_batch_norm(layer) || !own_statistics) return by_channel(dims[1]);
  return by_group(is_instance_norm(layer) ? dims[1] : settings.parts, dims[1]);
}

}  // namespace eigen_norm::test
