// SPDX-License-Identifier: MIT
#include "differential/data.hpp"

#include <algorithm>

namespace eigen_norm::test {

namespace {

Real rounded(Real value, Precision precision) {
  return precision == Precision::float32 ? static_cast<Real>(static_cast<float>(value))
                                         : static_cast<Real>(static_cast<double>(value));
}

// Random's numbers are floats: the bits below are drawn too.
Real normal(Random& random) { return random.normal() * (1 + random.uniform(0, 1) * 0x1p-24L); }

}  // namespace

Affine draw_affine(const Configuration& configuration) {
  const Settings& settings = configuration.settings;
  const Index size = configuration.layer == Layer::layer_norm ? values_per_statistic(configuration)
                                                              : configuration.dims[1];
  return {settings.gamma ? random_gamma(size, configuration.seed + 1) : Values(),
          settings.beta ? random_beta(size, configuration.seed + 2) : Values()};
}

Logical draw_x(const Configuration& configuration, Random& random) {
  const auto& [kind, mean, sigma, dy_size] = configuration.data;
  Logical x(configuration.dims);
  Real last = normal(random);
  for (Real& value : x.values) {
    if (kind == DataKind::two_values) {
      last = random.uniform(0, 1) < 0.5L ? 0 : 1.1L;
    } else if (kind != DataKind::constant) {
      last = normal(random);
    }
    value = last;
  }
  if (kind == DataKind::outlier) x.values[x.values.size() / 2] += 1e5L;
  for (Real& value : x.values) {
    value = rounded(sigma * (mean + value), configuration.layout.precision);
  }
  return x;
}

Logical draw_dy(const Configuration& configuration, Random& random) {
  Logical dy(configuration.dims);
  for (Real& value : dy.values) {
    value = rounded(configuration.data.dy * normal(random), configuration.layout.precision);
  }
  return dy;
}

}  // namespace eigen_norm::test
