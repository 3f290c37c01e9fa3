// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <unsupported/Eigen/CXX11/Tensor>
#include <vector>

#include "eigen_norm/batch_norm.hpp"
#include "eigen_norm/io/model_state.hpp"
#include "eigen_norm/io/safetensors.hpp"

// How long a state of 1 GB takes from a safetensors file into the layers of a model, beside a
// read() of the same file into a buffer, in turn. Model and buffer have been written to before.
// "Warm" has the file in the page cache, "cold" on the disk alone.
//
//     loading [FOLDER]      where the file is, for as long as this runs; /tmp
namespace {

using namespace eigen_norm;

struct Block {
  Block(Index width, Index inputs, Index size) : weight(width, inputs, size, size), norm(width) {
    weight.setConstant(0.5F);
  }
  Eigen::Tensor<float, 4, Eigen::RowMajor> weight;
  BatchNorm2d<float> norm;
};

// The convolutions of so many ResNet-50 as make 1 GB, each with its BatchNorm.
struct Model {
  Model() {
    for (Index copies = 0; copies < 11; ++copies) {
      blocks.emplace_back(64, 3, 7);
      Index inputs = 64, width = 64;
      for (const Index count : {3, 4, 6, 3}) {
        for (Index i = 0; i < count; ++i) {
          blocks.emplace_back(width, inputs, 1);
          blocks.emplace_back(width, width, 3);
          blocks.emplace_back(4 * width, width, 1);
          if (i == 0) blocks.emplace_back(4 * width, inputs, 1);
          inputs = 4 * width;
        }
        width *= 2;
      }
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::string name = "layers." + std::to_string(i);
      state.add(name + ".conv.weight", blocks[i].weight);
      state.add(name + ".bn", blocks[i].norm);
    }
  }

  std::deque<Block> blocks;
  io::ModelState state;
};

class File {
 public:
  explicit File(const std::string& path) : file_(open(path.c_str(), O_RDONLY)) {
    if (file_ < 0) std::exit(1);
  }
  ~File() { close(file_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void read_into(std::vector<char>& buffer) const {
    for (std::size_t done = 0; done < buffer.size();) {
      const ssize_t got =
          pread(file_, buffer.data() + done, buffer.size() - done, static_cast<off_t>(done));
      if (got <= 0) std::exit(1);
      done += static_cast<std::size_t>(got);
    }
  }
  void leave_the_cache() const {
    if (posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED) != 0) std::exit(1);
  }

 private:
  int file_;
};

template <typename Work>
double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const std::string path = std::string(argc > 1 ? argv[1] : "/tmp") + "/loading.safetensors";
  Model model;
  io::save_safetensors(path, model.state.state_dict());
  const File file(path);
  std::vector<char> buffer(io::MappedFile::open(path)->size(), 1);
  std::printf("%zu tensors, %.2f GB\n", model.state.size(),
              static_cast<double>(buffer.size()) * 1e-9);
  for (const bool cold : {false, true}) {
    std::vector<double> reads, loads;
    for (int round = 0; round < (cold ? 5 : 11); ++round) {
      if (cold) file.leave_the_cache();
      reads.push_back(seconds_of([&] { file.read_into(buffer); }));
      if (cold) file.leave_the_cache();
      loads.push_back(seconds_of([&] { model.state.load(io::load_safetensors(path)); }));
    }
    std::printf("%s read %.3f s, load %.3f s, ratio %.2f\n", cold ? "cold" : "warm", median(reads),
                median(loads), median(loads) / median(reads));
  }
  std::remove(path.c_str());
}
