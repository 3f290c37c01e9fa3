// SPDX-License-Identifier: MIT
// Every problem by every library, beside the floor of the memory that it must move. First all
// results are compared with the definition; what disagrees is reported and not timed.
#include <benchmark/benchmark.h>
#include <malloc.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include <chrono>
#include <cstdio>
#include <limits>
#include <map>
#include <regex>

#include "floor.hpp"
#include "reference.hpp"

namespace {

using namespace bench;

/// 16-bit results are rounded, by half a unit in the last place; they are below 16.
template <typename Scalar>
constexpr double tolerance = 1e-3;
template <>
constexpr double tolerance<Eigen::half> = 1e-3 + 1.0 / 256;
template <>
constexpr double tolerance<Eigen::bfloat16> = 1e-3 + 1.0 / 32;

// A pass that takes longer is not warmed up and repeated less often.
constexpr double slow_seconds = 0.15;
constexpr int slow_repetitions = 3;

std::vector<int> thread_counts() {
#ifdef _OPENMP
  const int all = omp_get_num_procs();
  if (all > 1) return {1, all};
#endif
  return {1};
}

template <typename Scalar>
void run(Peer<Scalar>& peer, Pass pass) {
  switch (pass) {
    case Pass::forward:
      return peer.forward();
    case Pass::infer:
      return peer.infer();
    case Pass::backward:
      return peer.backward();
  }
}

/// By the order of the memory: oneDNN has one of its own.
template <typename Scalar>
using References = std::map<Layout, Reference<Scalar>>;

template <typename Scalar>
const char* scalar_name() {
  if (std::is_same_v<Scalar, float>) return "float";
  if (std::is_same_v<Scalar, double>) return "double";
  return std::is_same_v<Scalar, Eigen::half> ? "half" : "bfloat16";
}

/// "BatchNorm2d/32x64x112x112/first/float/forward/eigen-norm/1"
template <typename Scalar>
std::string row_name(const Problem& problem, Pass pass, const char* peer, int threads) {
  return problem.name() + "/" + scalar_name<Scalar>() + "/" + name(pass) + "/" + peer + "/" +
         std::to_string(threads);
}

bool is_wanted(const std::string& row) {
  static const std::string filter = benchmark::GetBenchmarkFilter();
  static const std::regex wanted(filter.empty() || filter == "all" ? "." : filter);
  return std::regex_search(row + "/real_time", wanted);
}

template <typename Scalar, typename Prepare, typename Run>
benchmark::internal::Benchmark* time(const std::string& row, const Problem& problem, Pass pass,
                                     const Prepare& prepare, const Run& run) {
  const auto body = [=](benchmark::State& state) {
    prepare();
    for (auto _ : state) {
      run();
      benchmark::ClobberMemory();
    }
    const Index tensors = pass == Pass::backward ? 3 : 2;
    const Index bytes = tensors * problem.size() * static_cast<Index>(sizeof(Scalar));
    state.SetBytesProcessed(state.iterations() * bytes);
  };
  return benchmark::RegisterBenchmark(row.c_str(), body)
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}

template <typename Scalar>
void time_floor(const Problem& problem, int threads, const Data<Scalar>& data) {
  for (const Pass pass : passes) {
    const std::string row = row_name<Scalar>(problem, pass, "floor", threads);
    if (!is_wanted(row)) continue;
    const auto move = [=, &data] { floor_of(pass, problem.size(), data, threads); };
    time<Scalar>(
        row, problem, pass, [] {}, move);
  }
}

/// Compares all passes and times those that agree. infer comes first, before forward changes the
/// running statistics.
template <typename Scalar>
void time_peer(const Problem& problem, const Entry<Scalar>& entry, int threads,
               const Data<Scalar>& data, References<Scalar>& references) {
  const std::shared_ptr<Peer<Scalar>> peer = entry.make(problem, data);
  if (!peer) return;
  const Layout layout = peer->layout(problem);
  const auto& reference = references.try_emplace(layout, problem, layout, data).first->second;
  for (const Pass pass : passes) {
    const std::string row = row_name<Scalar>(problem, pass, entry.name, threads);
    data.out.head(problem.size()).setConstant(std::numeric_limits<Scalar>::quiet_NaN());
    peer->use_threads(threads);
    const auto start = std::chrono::steady_clock::now();
    run(*peer, pass);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;

    const double error = reference.error(*peer, pass);
    if (!(error < tolerance<Scalar>)) {
      std::fprintf(stderr, "%s is off by %g and is not timed\n", row.c_str(), error);
      benchmark::AddCustomContext("off: " + row, std::to_string(error));
    } else if (is_wanted(row)) {
      const bool slow = taken.count() > slow_seconds;
      const auto prepare = [=] {
        peer->use_threads(threads);
        if (!slow) run(*peer, pass);
      };
      auto* timed = time<Scalar>(row, problem, pass, prepare, [=] { run(*peer, pass); });
      if (slow) timed->Repetitions(slow_repetitions);
    }
  }
}

template <typename Scalar>
void time_problem(const Problem& problem, const Data<Scalar>& data) {
  References<Scalar> references;
  for (const int threads : thread_counts()) {
    time_floor(problem, threads, data);
    for (const Entry<Scalar>& entry : peers<Scalar>()) {
      const auto row = [&](Pass pass) {
        return row_name<Scalar>(problem, pass, entry.name, threads);
      };
      const bool wanted = std::any_of(std::begin(passes), std::end(passes),
                                      [&](Pass pass) { return is_wanted(row(pass)); });
      if (wanted && (threads == 1 || entry.threaded)) {
        time_peer(problem, entry, threads, data, references);
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  // Freed memory stays with the process: fresh results and temporaries cost no page faults.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());

  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::AddCustomContext("compiler", BENCH_COMPILER);
  benchmark::AddCustomContext("flags", BENCH_FLAGS);

  const Data<float> floats(problems());
  const Data<double> doubles(double_problems());
  const Data<Eigen::half> halves(half_problems());
  const Data<Eigen::bfloat16> bfloats(half_problems());
  for (const Problem& problem : problems()) time_problem(problem, floats);
  for (const Problem& problem : double_problems()) time_problem(problem, doubles);
  for (const Problem& problem : half_problems()) {
    time_problem(problem, bfloats);
    time_problem(problem, halves);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
