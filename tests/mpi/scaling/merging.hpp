// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "distributed/shares.hpp"
#include "mpi/scaling/timing.hpp"

namespace eigen_norm::test {

// As many ranks as one likes that all have what this one has, at once and for nothing.
class Copies final : public distributed::Communicator {
 public:
  explicit Copies(int ranks) : ranks_(ranks) {}

  int rank() const override { return 0; }
  int size() const override { return ranks_; }
  Ticket start_all_gather(const double* mine, Index count, const std::string& purpose) override {
    all_ = &gathered_[purpose];
    if (all_->empty()) {
      for (int rank = 0; rank < ranks_; ++rank) all_->insert(all_->end(), mine, mine + count);
    }
    return 0;
  }
  const double* finish(Ticket) override { return all_->data(); }

 private:
  int ranks_;
  std::map<std::string, std::vector<double>> gathered_;
  std::vector<double>* all_ = nullptr;
};

// Microseconds of a step, forward and backward, of two values per channel: the merging of what
// `ranks` have sent is most of it.
inline double merging(int ranks, Index channels) {
  SyncBatchNorm1d<float> norm(channels, std::make_shared<Copies>(ranks));
  const Eigen::MatrixXf x = Eigen::MatrixXf::Random(2, channels);
  Eigen::MatrixXf y = x, dx = x;
  std::vector<double> times;
  for (int time = 0; time < 50; ++time) {
    times.push_back(microseconds_of([&] {
      norm.forward(x, y);
      norm.backward(x, y, dx);
    }));
  }
  return quantile(times, 0.5);
}

}  // namespace eigen_norm::test
