// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <sys/mman.h>
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
// "Warm" has the file in the page cache, "cold" on the disk alone. The model's tensors are
// row-major, as those of the file, or column-major; the file's are float, as the model's, or not.
//
//     loading [FOLDER]      where the files are, for as long as this runs; /tmp
namespace {

using namespace eigen_norm;

template <typename Scalar, int Order>
struct Block {
  Block(Index width, Index inputs, Index size) : weight(width, inputs, size, size), norm(width) {
    weight.setConstant(Scalar(0.5F));
  }
  Eigen::Tensor<Scalar, 4, Order> weight;
  BatchNorm2d<Scalar> norm;
};

// The convolutions of so many ResNet-50 as make 1 GB of float, each with its BatchNorm.
template <typename Scalar, int Order = Eigen::RowMajor>
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

  std::deque<Block<Scalar, Order>> blocks;
  io::ModelState state;
};

[[noreturn]] void fail(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

class File {
 public:
  explicit File(const std::string& path) : path_(path), file_(open(path.c_str(), O_RDONLY)) {
    if (file_ < 0) fail(path_);
  }
  ~File() { close(file_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void read_into(std::vector<char>& buffer) const {
    for (std::size_t done = 0; done < buffer.size();) {
      const ssize_t got =
          pread(file_, buffer.data() + done, buffer.size() - done, static_cast<off_t>(done));
      if (got <= 0) fail("read " + path_);
      done += static_cast<std::size_t>(got);
    }
  }

  // Whether all of it is on the disk alone now; of tmpfs, which has no disk, none is.
  bool leaves_the_cache() const {
    if (posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED) != 0) fail("posix_fadvise " + path_);
    const auto mapped = io::MappedFile::open(path_);
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> pages((mapped->size() + page - 1) / page);
    if (mincore(const_cast<char*>(mapped->data()), mapped->size(), pages.data()) != 0) {
      fail("mincore " + path_);
    }
    return std::none_of(pages.begin(), pages.end(), [](int of) { return (of & 1) != 0; });
  }

 private:
  std::string path_;
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

void measure(const char* what, const std::string& path, io::ModelState& model, bool cold) {
  const File file(path);
  std::vector<char> buffer(io::MappedFile::open(path)->size(), 1);
  std::vector<double> reads, loads;
  for (int round = 0; round < (cold ? 5 : 11); ++round) {
    if (cold && !file.leaves_the_cache()) break;
    reads.push_back(seconds_of([&] { file.read_into(buffer); }));
    if (cold && !file.leaves_the_cache()) break;
    loads.push_back(seconds_of([&] { model.load(io::load_safetensors(path)); }));
  }
  if (loads.size() < reads.size() || reads.empty()) {
    std::printf("%s: not measured, %s stays in memory\n", what, path.c_str());
    return;
  }
  std::printf("%s, %zu tensors, %.2f GB: read %.3f s, load %.3f s, ratio %.2f\n", what,
              model.size(), static_cast<double>(buffer.size()) * 1e-9, median(reads), median(loads),
              median(loads) / median(reads));
}

template <typename Scalar>
std::string saved(const std::string& folder) {
  const std::string path = folder + "/loading.safetensors";
  const Model<Scalar> model;
  io::save_safetensors(path, model.state.state_dict());
  return path;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "/tmp";
  const std::string path = saved<float>(folder);
  {
    Model<float, Eigen::ColMajor> columns;
    measure("warm, into column-major tensors", path, columns.state, false);
  }
  Model<float> model;
  measure("warm", path, model.state, false);
  measure("warm, of half", saved<Eigen::half>(folder), model.state, false);
  measure("warm, of bfloat16", saved<Eigen::bfloat16>(folder), model.state, false);
  measure("warm, of double", saved<double>(folder), model.state, false);
  measure("cold", saved<float>(folder), model.state, true);
  std::remove((folder + "/loading.safetensors").c_str());
}
