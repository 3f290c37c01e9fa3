// SPDX-License-Identifier: MIT
// How far float is from the definition, for every library that was found, as CSV: by the mean of
// the data, by the number of elements that share a statistic, and on awkward data. In training, on
// one thread, with gamma between 1 and 3 and beta between -1 and 1.
//
//   accuracy           everything
//   accuracy LARGEST   only statistics of at most so many elements
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>

#include "comparison.hpp"

namespace {

using namespace bench;

/// `n` samples, or channels of a group, of h by w make up each of the statistics.
struct Size {
  Index n, h, w, statistics;
  Index elements() const { return n * h * w; }
};
constexpr Size sizes[] = {{2, 1, 1, 4096},   {7, 1, 1, 4096},     {4, 4, 4, 4096},
                          {10, 10, 10, 512}, {4, 50, 50, 64},     {10, 100, 100, 16},
                          {25, 200, 200, 4}, {10, 1000, 1000, 2}, {25, 2000, 2000, 1}};
constexpr Size awkward_size = {4, 50, 50, 64};

/// So many are measured once, and not in a row: gamma would be as large.
constexpr Index many = 100'000'000;

/// Of the data, whose deviation is 1.
std::vector<double> means_at(Index elements) {
  if (elements >= many) return {1e2};
  if (elements >= 10'000'000) return {0, 1e2, 1e4};
  return {0, 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
}

std::vector<Problem> problems_of(const Size& size) {
  const auto& [n, h, w, statistics] = size;
  const Index m = size.elements(), samples = std::min<Index>(statistics, 2);
  const Index groups = statistics / samples;
  std::vector<Problem> result{{Layer::batch_norm_2d, n, statistics, h, w, Layout::first},
                              {Layer::batch_norm_2d, n, statistics, h, w, Layout::last},
                              {Layer::batch_norm_1d, m, statistics, 1, 1, Layout::rows},
                              {Layer::layer_norm, statistics, m, 1, 1, Layout::rows},
                              {Layer::group_norm, samples, groups * n, h, w, Layout::first, groups},
                              {Layer::group_norm, samples, groups * n, h, w, Layout::last, groups},
                              {Layer::rms_norm, statistics, m, 1, 1, Layout::rows}};
  if (m >= many) {
    result.erase(std::remove_if(result.begin(), result.end(),
                                [](const Problem& problem) { return problem.is_by_row(); }),
                 result.end());
  }
  return result;
}

using Array = Data<float>::Array;

/// mean + sigma * N(0, 1) by Box and Muller: the standard library's distribution differs by
/// platform.
void fill_normal(Array& values, std::uint32_t seed, double mean, double sigma = 1) {
  constexpr double two_pi = 6.283185307179586;
  std::mt19937 random(seed);
  for (float& value : values) {
    const double u = (static_cast<double>(random()) + 1) / 4294967296.0;
    const double v = static_cast<double>(random()) / 4294967296.0;
    value = static_cast<float>(mean + sigma * std::sqrt(-2 * std::log(u)) * std::cos(two_pi * v));
  }
}

/// What makes layers fail though its mean is small, or no mean helps.
struct Awkward {
  const char* name;
  double eps;
  std::function<void(const Problem&, Array&)> fill;
};
const Awkward awkward[] = {
    {"constant", 1e-5, [](const Problem&, Array& x) { x = 10000.1F; }},
    {"outlier", 1e-5,
     [](const Problem& problem, Array& x) {
       fill_normal(x, 1, 10);
       std::vector<bool> seen(static_cast<std::size_t>(problem.statistics()));
       problem.visit(problem.layout, [&](Index e, Index s, Index) {
         if (!seen[static_cast<std::size_t>(s)]) x[e] += 100;
         seen[static_cast<std::size_t>(s)] = true;
       });
     }},
    {"1e30", 1e-5, [](const Problem&, Array& x) { fill_normal(x, 1, 0, 1e30); }},
    {"1e-30", 1e-70, [](const Problem&, Array& x) { fill_normal(x, 1, 0, 1e-30); }},
};

std::vector<Entry<float>> entries() {
  auto result = peers<float>();
#ifdef PEER_PLAIN_EIGEN
  result.push_back(
      {"plain Eigen, E[x²] − E[x]²", PEER_PLAIN_EIGEN, make_plain_eigen_of_squares<float>, false});
#endif
  return result;
}

void measure(const Problem& problem, const Data<float>& data, const char* name, double mean) {
  const Reference<float> reference(problem, problem.layout, data);
  for (const Entry<float>& entry : entries()) {
    const auto peer = entry.make(problem, data);
    if (!peer || peer->layout(problem) != problem.layout) continue;
    peer->use_threads(1);
    peer->forward();
    const ResultErrors y(reference, *peer, Pass::forward);
    const MomentErrors moments(reference.moments(), peer->moments());
    peer->backward();
    const ResultErrors dx(reference, *peer, Pass::backward);
    std::printf("%s,%td,%s,%g,\"%s\"", problem.name().c_str(),
                problem.size() / problem.statistics(), name, mean, entry.name);
    for (const ResultErrors& result : {y, dx}) {
      for (const Errors& errors : {result.scaled, result.ulp}) {
        std::printf(",%.3g,%.3g", errors.worst(), errors.mean());
      }
    }
    std::printf(",%.3g,%.3g\n", moments.mean.worst(), moments.var.worst());
  }
}

Data<float> data_for(const std::vector<Problem>& problems) {
  Data<float> data(problems);
  fill_normal(data.dy, 2, 0);
  return data;
}

}  // namespace

int main(int argc, char** argv) {
  const Index largest = argc > 1 ? std::atoll(argv[1]) : std::numeric_limits<Index>::max();
  std::printf("# compiler,\"%s\"\n# flags,\"%s\"\n", BENCH_COMPILER, BENCH_FLAGS);
  for (const auto& entry : peers<float>()) {
    std::printf("# version of %s,\"%s\"\n", entry.name, entry.version);
  }
  std::printf("problem,elements,data,mean,library");
  for (const char* result : {"y", "dx"}) {
    std::printf(",%s,%s mean,%s ulp,%s mean ulp", result, result, result, result);
  }
  std::printf(",mean off,var off\n");

  for (const Size& size : sizes) {
    if (size.elements() > largest) continue;
    const std::vector<Problem> problems = problems_of(size);
    Data<float> data = data_for(problems);
    for (const double mean : means_at(size.elements())) {
      std::fprintf(stderr, "%td elements, mean %g\n", size.elements(), mean);
      fill_normal(data.x, 1, mean);
      for (const Problem& problem : problems) measure(problem, data, "normal", mean);
    }
  }
  std::vector<Problem> problems = problems_of(awkward_size);
  Data<float> data = data_for(problems);
  for (Problem& problem : problems) {
    for (const Awkward& values : awkward) {
      problem.eps = values.eps;
      values.fill(problem, data.x);
      measure(problem, data, values.name, 0);
    }
  }
}
