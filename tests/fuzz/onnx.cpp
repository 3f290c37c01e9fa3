// SPDX-License-Identifier: MIT
#include "eigen_norm/io/onnx.hpp"

#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "fuzz/require.hpp"
#include "fuzz/target.hpp"

// Any bytes as an ONNX model, and its nodes as layers: each is refused by an error that names the
// file, or is a layer that comes back from what is written of it. External data may be in "w".
namespace eigen_norm::test::fuzz {
namespace {

namespace fs = std::filesystem;

// That of a model, with a file beside it of 1, -2, 3 and 4 in float.
class Folder {
 public:
  Folder() {
    fs::create_directories(folder_);
    std::ofstream((folder_ / "w").string(), std::ios::binary)
        << std::string("\0\0\x80\x3f\0\0\0\xc0\0\0\x40\x40\0\0\x80\x40", 16);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string model() const { return (folder_ / "model.onnx").string(); }

 private:
  fs::path folder_ = fs::temp_directory_path() /
                     ("eigen_norm.fuzz_onnx." + std::to_string(std::random_device()()));
};

const std::string& path() {
  static const Folder folder;
  static const std::string model = folder.model();
  return model;
}

// Whether the call ends without one of the two errors that the reader promises.
template <typename Call>
bool succeeds(const Call& call) {
  std::string message;
  try {
    call();
    return true;
  } catch (const std::invalid_argument& error) {
    message = error.what();
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  require(message.find(path() + ": ") == 0, "an error does not name the file");
  return false;
}

template <typename Layer>
std::string written(const Layer& layer) {
  io::OnnxWriter writer(path(), {});
  io::write_layer(layer, writer);
  return writer.bytes();
}

template <typename Layer>
void exercise(const io::OnnxNorm& norm) {
  succeeds([&] {
    const Layer layer = norm.as<Layer>();
    const std::string once = written(layer);
    require(written(io::parse_onnx(once, path()).norms.at(0).as<Layer>()) == once,
            "a layer comes back as another");
  });
}

void exercise_all(const io::OnnxNorm& norm) {
  exercise<BatchNorm1d<Eigen::half>>(norm);
  exercise<BatchNorm2d<float>>(norm);
  exercise<BatchNorm3d<double>>(norm);
  exercise<InstanceNorm2d<float>>(norm);
  exercise<GroupNorm<float>>(norm);
  exercise<GroupNorm<double, 4>>(norm);
  exercise<LayerNorm<float>>(norm);
  exercise<LayerNorm<double, 4>>(norm);
  exercise<RMSNorm<float>>(norm);
}

}  // namespace
}  // namespace eigen_norm::test::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eigen_norm;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  io::OnnxModel model;
  if (!test::fuzz::succeeds([&] { model = io::parse_onnx(bytes, test::fuzz::path()); })) return 0;
  for (const io::OnnxNorm& norm : model.norms) test::fuzz::exercise_all(norm);
  return 0;
}
