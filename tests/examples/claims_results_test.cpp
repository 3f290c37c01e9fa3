// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "claims/run_all.hpp"
#include "claims/write.hpp"

namespace {

using claims::Outcome;
using claims::Point;
using claims::Run;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<Run> make_runs(int count) {
  std::vector<Run> runs;
  for (int k = 0; k < count; ++k) {
    runs.push_back({"series", 0.0, 0.1, 1, [k] { return Outcome{{1.0 * k}, {}}; }});
  }
  return runs;
}

TEST(RunAll, keeps_the_order_whatever_the_number_of_threads) {
  for (const int threads : {1, 2, 7}) {
    const auto outcomes = claims::run_all("test", make_runs(20), threads);
    ASSERT_EQ(outcomes.size(), 20U);
    for (int k = 0; k < 20; ++k) EXPECT_EQ(outcomes[static_cast<std::size_t>(k)].values[0], k);
  }
}

TEST(RunAll, throws_what_a_run_throws) {
  auto runs = make_runs(20);
  runs[3].train = []() -> Outcome { throw std::runtime_error("run 3"); };
  for (const int threads : {1, 4}) {
    EXPECT_THROW(claims::run_all("test", runs, threads), std::runtime_error);
  }
}

/// Three seeds at 0.1, of which one diverged, and two at 1, which both did.
const std::vector<Run> some_runs{{"none", 0.1, 0.1, 1, {}}, {"none", 0.1, 0.1, 2, {}},
                                 {"none", 0.1, 0.1, 3, {}}, {"none", 1.0, 0.2, 1, {}},
                                 {"none", 1.0, 0.2, 2, {}}, {"BatchNorm", 1.0, 0.2, 1, {}}};
const std::vector<Outcome> some_outcomes{{{1.0, 10.0}, {}}, {{3.0, 20.0}, {}}, {{nan, nan}, {}},
                                         {{nan, nan}, {}},  {{nan, nan}, {}},  {{0.5, 90.0}, {}}};

TEST(Summarise, counts_the_runs_that_diverged_and_averages_the_others) {
  const std::vector<Point> points = claims::summarise(some_runs, some_outcomes);
  ASSERT_EQ(points.size(), 3U);
  EXPECT_EQ(points[0].runs, 3);
  EXPECT_EQ(points[0].diverged, 1);
  EXPECT_EQ(points[0].values[0].mean, 2.0);
  EXPECT_NEAR(points[0].values[0].sd, std::sqrt(2.0), 1e-15);
  EXPECT_EQ(points[0].values[1].mean, 15.0);
  EXPECT_EQ(points[1].diverged, 2);
  EXPECT_TRUE(std::isnan(points[1].values[0].mean));
  EXPECT_EQ(points[2].series, "BatchNorm");
  EXPECT_EQ(points[2].diverged, 0);
}

/// What `write` writes into a file.
template <typename Write>
std::string written(const Write& write) {
  const std::string path = testing::TempDir() + "eigen_norm_claims_" +
                           testing::UnitTest::GetInstance()->current_test_info()->name();
  write(path);
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  std::filesystem::remove(path);
  return text.str();
}

const std::vector<claims::Column> columns{{"loss", 2}, {"accuracy", 0}};

TEST(Write, has_every_run_in_the_csv) {
  EXPECT_EQ(written([](const std::string& path) {
              claims::write_csv(path, "rate", columns, some_runs, some_outcomes);
            }),
            "series,rate,learning rate,seed,loss,accuracy\n"
            "none,0.1,0.1,1,1,10\n"
            "none,0.1,0.1,2,3,20\n"
            "none,0.1,0.1,3,,\n"
            "none,1,0.2,1,,\n"
            "none,1,0.2,2,,\n"
            "BatchNorm,1,0.2,1,0.5,90\n");
}

TEST(Write, has_a_block_for_each_series_in_the_data_of_gnuplot) {
  EXPECT_EQ(written([](const std::string& path) {
              claims::write_dat(path, claims::summarise(some_runs, some_outcomes));
            }),
            "# none\n"
            "0.1 1 3 0.1 2 1.41421 15 7.07107\n"
            "1 2 2 0.2 nan 0 nan 0\n"
            "\n\n"
            "# BatchNorm\n"
            "1 0 1 0.2 0.5 0 90 0\n");
}

TEST(Tables, say_what_diverged) {
  EXPECT_EQ(claims::tables(
                "rate", [](double x) { return claims::number(x); }, columns,
                claims::summarise(some_runs, some_outcomes)),
            "| loss by rate | none | BatchNorm |\n"
            "|---|---:|---:|\n"
            "| 0.1 | 2.00 ± 1.41 (1 of 3 diverged) |  |\n"
            "| 1 | diverged | 0.50 ± 0.00 |\n"
            "\n"
            "| accuracy by rate | none | BatchNorm |\n"
            "|---|---:|---:|\n"
            "| 0.1 | 15 ± 7 (1 of 3 diverged) |  |\n"
            "| 1 | diverged | 90 ± 0 |\n");
}

TEST(Write, names_a_file_that_cannot_be_written) {
  const std::string path = testing::TempDir() + "eigen_norm_no_such_folder/lr.dat";
  try {
    claims::write_dat(path, {});
    FAIL() << "expected an exception";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(std::string(error.what()), path + ": expected a file to write to, got none");
  }
}

}  // namespace
