// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "eigen_norm/kernels/scalar.hpp"
#include "fuzz/require.hpp"
#include "support/reference.hpp"

namespace eigen_norm::test::fuzz {

// How near to its definition a result of a scalar has to be.
template <typename Scalar>
struct Precision {
  using P = Param<Scalar>;
  using Limits = std::numeric_limits<P>;

  // In double there is nothing wider for long sums.
  static constexpr Real relative = std::is_same_v<P, float> ? 2e-6L : 1e-13L;
  // Numbers up to this size, in x and among the terms of a result, give one.
  static constexpr Real largest = std::is_same_v<P, float> ? 1e37L : 1e150L;
  // Where squares of deviations are as small as this, digits are lost: only in double, for which
  // there is nothing wider.
  static constexpr Real least_variance = std::is_same_v<P, float> ? 0 : 1e-280L;
  static constexpr Real least = Limits::denorm_min();

  // Of |mean| * inv_std, what counts beside 1 among the terms of xhat: a mean in double is rounded
  // by some units in its last place, as is that of each part a variance is merged of. One that is
  // kept in something wider is not.
  static constexpr Real of_mean =
      std::is_same_v<P, Stat<Scalar>> ? 8 * Limits::epsilon() / relative : 0;
  // The unit in the last place of the data, relative to a number. (Eigen 3.4 gives half another.)
  static Real epsilon() { return std::ldexp(Real(1), 1 - std::numeric_limits<Scalar>::digits); }
  // What is lost where a result becomes 16 bits.
  static Real rounding(Real value) {
    if (sizeof(Scalar) > 2) return 0;
    const auto least_of_data = static_cast<Real>(std::numeric_limits<Scalar>::denorm_min());
    return std::max(std::abs(value) * epsilon(), least_of_data) / 2;
  }
};

// What a layer is asked and what it owes. `own`: by the statistics of x, as opposed to given ones.
struct Question {
  Logical x, dy;
  Affine affine;
  Sharing sharing;
  bool own = true;
  Reference want = {};

  // Where gamma is a product with r and beta a sum with gamma * d, as batch renormalisation says:
  // dgamma = sum(dy * (xhat * r + d)), and the sizes of the terms that beta and d are sums of.
  Values r = {}, d = {}, beta_terms = {}, d_terms = {};
};

// Holds the answers to one question against the definition, each to the size of the terms it is the
// sum of, where these are in range. What a number that is not finite reaches must not be finite.
template <typename Scalar>
class Judge {
  using Accuracy = Precision<Scalar>;
  static constexpr bool has_wider_sums = !std::is_same_v<Param<Scalar>, Stat<Scalar>>;

 public:
  explicit Judge(const Question& question) : q_(question), groups_(q_.sharing.statistics) {
    for_each_index(q_.x.dims, [&](const Dims& at) {
      Element e;
      e.s = q_.sharing.statistic_of(at);
      e.p = q_.sharing.parameter_of(at);
      e.counts = q_.sharing.is_counted(at);
      elements_.push_back(e);
    });
    for (std::size_t i = 0; i < elements_.size(); ++i) measure(i);
    for (std::size_t s = 0; s < groups_.size(); ++s) finish(s);
  }

  void y(const char* what, const Logical& got) const {
    require(got.dims == q_.x.dims, what);
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      const Element& e = elements_[i];
      const auto place = [&] { return of_element(what, i); };
      const Real beta = this->beta(e.p), inv_std = q_.want.inv_std[e.s], gamma = this->gamma(e.p);
      const bool finite = statistics_are_finite(e) && std::isfinite(q_.x.values[i] + gamma + beta);
      if (!finite) {
        if (!is_hidden(e)) require_not_finite(place, got.values[i]);
        continue;
      }
      const Real scale = std::max(std::abs(gamma) * e.xhat_terms, beta_terms(e.p));
      if (!groups_[e.s].in_range || !in_range({q_.x.values[i], e.xhat, scale, gamma * inv_std}))
        continue;
      const Real rounded = (1 + distance(i)) * (1 + std::abs(gamma));
      require_close(place, got.values[i], q_.want.y.values[i], scale, Accuracy::least * rounded);
    }
  }

  // `from_output`: xhat was found in y.
  void dx(const char* what, const Logical& got, bool from_output = false) const {
    require(got.dims == q_.x.dims, what);
    const std::vector<Terms> terms = gradient_terms(from_output);
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      const Element& e = elements_[i];
      const auto place = [&] { return of_element(what, i); };
      const Terms& t = terms[e.s];
      const Real inv_std = q_.want.inv_std[e.s], g = std::abs(this->g(i));
      const Real xhat = std::abs(e.xhat);
      Real sum = g;
      if (q_.own && e.counts) sum += t.g + xhat * t.g_xhat + xhat_terms(i, from_output) * t.exact;
      if (q_.own) sum *= 1 + Accuracy::of_mean * std::abs(q_.want.mean[e.s]) * inv_std;
      if (!from_output && !is_finite(e, i)) require_not_finite(place, got.values[i]);
      const bool safe = groups_[e.s].in_range && t.in_range &&
                        in_range({q_.dy.values[i], g, sum, inv_std, sum * inv_std}) &&
                        in_range({gamma(e.p) * inv_std, inv_std * t.g_xhat, q_.x.values[i]}) &&
                        (!from_output || in_range({sum * inv_std / gamma(e.p)}));
      if (!safe) continue;
      const Real rounded =
          (1 + inv_std) * (1 + xhat) * (1 + sum + std::abs(q_.dy.values[i])) * (1 + t.gamma);
      require_close(place, got.values[i], q_.want.dx.values[i], sum * inv_std,
                    Accuracy::least * rounded);
    }
  }

  // dgamma and dbeta, added to `before`; empty ones are not there.
  void gradients(const Values& dgamma, const Values& dbeta, Real before,
                 bool from_output = false) const {
    Values dgamma_terms(q_.sharing.parameters, 0), dbeta_terms = dgamma_terms,
                                                   rounded = dbeta_terms;
    std::vector<bool> safe(q_.sharing.parameters, true), dy_is_finite = safe, finite = safe;
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      const Element& e = elements_[i];
      const Real dy = q_.dy.values[i];
      dbeta_terms[e.p] += std::abs(dy);
      dgamma_terms[e.p] += std::abs(dy) * xhat_terms(i, from_output);  // NaN for 0 * infinity
      rounded[e.p] += 1 + std::abs(dy) * distance(i);
      safe[e.p] = safe[e.p] && groups_[e.s].in_range &&
                  in_range({q_.x.values[i], q_.want.inv_std[e.s], dgamma_terms[e.p], e.xhat});
      dy_is_finite[e.p] = dy_is_finite[e.p] && std::isfinite(dy);
      finite[e.p] = finite[e.p] && is_finite(e, i) && std::isfinite(q_.x.values[i]);
    }
    for (std::size_t p = 0; p < dbeta.size(); ++p) {
      if (!dy_is_finite[p]) require_not_finite(place_of("dbeta"), dbeta[p]);
      if (!in_range({dbeta_terms[p]})) continue;
      require_close(place_of("dbeta"), dbeta[p], before + q_.want.dbeta[p],
                    std::abs(before) + dbeta_terms[p], Accuracy::least);
    }
    for (std::size_t p = 0; p < dgamma.size(); ++p) {
      if (!from_output && !finite[p]) require_not_finite(place_of("dgamma"), dgamma[p]);
      Real want = q_.want.dgamma[p], terms = dgamma_terms[p];
      if (!q_.r.empty()) {
        want = q_.r[p] * want + q_.d[p] * q_.want.dbeta[p];
        terms = q_.r[p] * terms + q_.d_terms[p] * dbeta_terms[p];
      }
      const bool sums_are_in_range = has_wider_sums || in_range({dbeta_terms[p]});
      if (!safe[p] || !sums_are_in_range || !in_range({terms})) continue;
      require_close(place_of("dgamma"), dgamma[p], before + want, std::abs(before) + terms,
                    Accuracy::least * rounded[p]);
    }
  }

 private:
  struct Element {
    std::size_t s, p;
    bool counts;
    Real xhat = 0;
    Real xhat_terms = 0;  // the size of what its rounding errors are relative to
  };
  struct Group {
    Real m = 0;        // values that count
    Real largest = 0;  // of their sizes
    bool finite = true, in_range = true;
  };
  // Means over a group of |g|, of |g| times the terms of xhat, and |mean of g * xhat|. `in_range`:
  // the sums are, too, which are of dy where gamma is by channel, and in Stat.
  struct Terms {
    Real g = 0, g_xhat = 0, exact = 0;
    Real gamma = 0;  // the largest: what is below the smallest number is lost before it counts
    bool in_range = true;
  };

  static bool in_range(std::initializer_list<Real> values) {
    return std::all_of(values.begin(), values.end(),
                       [](Real value) { return std::abs(value) <= Accuracy::largest; });
  }

  Real gamma(std::size_t p) const { return q_.affine.gamma.empty() ? 1 : q_.affine.gamma[p]; }
  Real beta(std::size_t p) const { return q_.affine.beta.empty() ? 0 : q_.affine.beta[p]; }
  Real beta_terms(std::size_t p) const {
    return q_.beta_terms.empty() ? std::abs(beta(p)) : q_.beta_terms[p];
  }
  Real distance(std::size_t i) const {
    return std::abs(q_.x.values[i] - q_.want.mean[elements_[i].s]);
  }
  Real g(std::size_t i) const { return q_.dy.values[i] * gamma(elements_[i].p); }

  // xhat is a part of sigma off where it is near 0; of what is given it is not. With nothing wider
  // to keep it in, the mean is rounded.
  void measure(std::size_t i) {
    Element& e = elements_[i];
    const Real x = q_.x.values[i], mean = q_.want.mean[e.s], inv_std = q_.want.inv_std[e.s];
    e.xhat = (x - mean) * inv_std;
    e.xhat_terms = std::abs(e.xhat);
    if (!q_.own) return;
    const Real of_mean = Accuracy::of_mean * std::abs(mean) * inv_std;
    e.xhat_terms = (1 + e.xhat_terms) * (1 + of_mean);
    Group& group = groups_[e.s];
    if (!e.counts) return;
    group.m += 1;
    group.largest = std::max(group.largest, std::abs(x));
    group.finite = group.finite && std::isfinite(x);
  }
  void finish(std::size_t s) {
    Group& group = groups_[s];
    const Real var = q_.want.var[s], inv_std = q_.want.inv_std[s];
    const bool holds_digits = inv_std == 0 || 1 / (inv_std * inv_std) >= Accuracy::least_variance;
    group.in_range = group.finite && holds_digits && std::isfinite(inv_std) &&
                     inv_std <= Real(Accuracy::Limits::max()) && var >= 0 &&
                     in_range({group.largest, q_.want.mean[s]});
  }

  bool statistics_are_finite(const Element& e) const {
    return groups_[e.s].finite && std::isfinite(q_.want.mean[e.s] + q_.want.inv_std[e.s]);
  }
  // Whether nothing that is not finite reaches dx and dgamma: neither dy nor, by statistics of its
  // own, x.
  bool is_finite(const Element& e, std::size_t i) const {
    return std::isfinite(q_.dy.values[i]) && (!q_.own || groups_[e.s].finite);
  }
  // Where a given var is infinite, inv_std is 0: 1 / infinity.
  bool is_hidden(const Element& e) const { return !q_.own && std::isinf(q_.want.var[e.s]); }

  // Beyond all range where y, from which it is found, is.
  Real xhat_terms(std::size_t i, bool from_output) const {
    const Element& e = elements_[i];
    if (!from_output) return e.xhat_terms;
    const Real y = q_.want.y.values[i], gamma = this->gamma(e.p), beta = this->beta(e.p);
    if (!in_range({y, gamma, beta, gamma * q_.want.inv_std[e.s]})) return INFINITY;
    return 1 + e.xhat_terms + std::abs(beta / gamma);
  }

  std::vector<Terms> gradient_terms(bool from_output) const {
    std::vector<Terms> terms(groups_.size());
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      const Element& e = elements_[i];
      const Real m = std::max(Real(1), groups_[e.s].m);
      terms[e.s].g += std::abs(g(i)) / m;
      terms[e.s].g_xhat += std::abs(g(i)) * xhat_terms(i, from_output) / m;
      terms[e.s].exact += g(i) * e.xhat / m;
      terms[e.s].in_range &= has_wider_sums || in_range({e.xhat, q_.dy.values[i] * e.xhat_terms});
      terms[e.s].gamma = std::max(terms[e.s].gamma, std::abs(gamma(e.p)));
    }
    for (Terms& t : terms) t.exact = std::abs(t.exact);
    return terms;
  }

  template <typename Place>
  static void require_close(const Place& place, Real got, Real want, Real scale, Real least) {
    const Real allowed = Accuracy::relative * scale + 4 * least + Accuracy::rounding(want);
    if (std::abs(want) + allowed > Real(std::numeric_limits<Scalar>::max())) return;
    if (std::abs(got - want) <= allowed) return;
    fail(place() + text(" is ", got) + text(" instead of ", want) +
         text(", off by ", std::abs(got - want)) + text(" of ", allowed));
  }
  template <typename Place>
  static void require_not_finite(const Place& place, Real got) {
    if (std::isfinite(got)) fail(place() + " hides that a number is not finite");
  }

  static std::string text(const char* what, Real value) {
    char number[64];
    std::snprintf(number, sizeof(number), "%s%.9Lg", what, value);
    return number;
  }
  static auto place_of(const char* what) {
    return [what] { return std::string(what); };
  }
  // All that the answer for an element is made of.
  std::string of_element(const char* what, std::size_t i) const {
    const Element& e = elements_[i];
    return what + text(" of x ", q_.x.values[i]) + text(", dy ", q_.dy.values[i]) +
           text(", gamma ", gamma(e.p)) + text(", beta ", beta(e.p)) +
           text(", mean ", q_.want.mean[e.s]) + text(", var ", q_.want.var[e.s]) +
           text(", inv_std ", q_.want.inv_std[e.s]) + text(", values ", groups_[e.s].m) +
           (q_.own ? "" : ", given");
  }

  const Question& q_;
  std::vector<Element> elements_;
  std::vector<Group> groups_;
};

}  // namespace eigen_norm::test::fuzz
