// SPDX-License-Identifier: MIT
//
// A network that PyTorch trained, in C++: loads the state dict that from_torch/make_model.py wrote,
// runs the network in inference, with its BatchNorms and with them folded into the convolutions,
// and says how far its logits are from PyTorch's.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <eigen_norm/io/safetensors.hpp>
#include <exception>
#include <string>

#include "from_torch/resnet.hpp"
#include "nn/metrics.hpp"

namespace {

namespace io = eigen_norm::io;
using from_torch::Images;
using from_torch::Matrix;

template <typename Other>
double distance(const Matrix& a, const Other& b) {
  return (a.cast<double>() - b.template cast<double>()).cwiseAbs().maxCoeff();
}

void run(const std::string& folder) {
  auto network = from_torch::make_resnet();
  io::ModelState model = from_torch::state_of(network);
  model.load(io::load_safetensors(folder + "/digits_resnet.safetensors"));
  std::printf("Loaded %d tensors; conv1, bn1, ... fc have the names that they have in PyTorch.\n",
              static_cast<int>(model.size()));

  const io::StateDict batch = io::load_safetensors(folder + "/digits_resnet_batch.safetensors");
  const auto x = batch.get<Images>("x");
  const auto torch = batch.get<Matrix>("logits");
  const auto exact = batch.get<nn::Matrix<double>>("logits_float64");
  const nn::Labels digits = batch.get<nn::Labels>("digits");

  const Matrix logits = network.infer(x);
  const Matrix folded = from_torch::folded(network).infer(x);
  std::printf(
      "Accuracy on %d digits it has not seen: %.4f. The logits are up to %.1f in size;\n"
      "their largest distance from those of PyTorch:\n\n"
      "|                        | float32 in PyTorch | float64 in PyTorch |\n"
      "|------------------------|--------------------|--------------------|\n"
      "| float32 in PyTorch     |                    | %18.1e |\n"
      "| here                   | %18.1e | %18.1e |\n"
      "| here, BatchNorm folded | %18.1e | %18.1e |\n",
      static_cast<int>(x.dimension(0)), nn::accuracy(logits, digits), exact.cwiseAbs().maxCoeff(),
      distance(torch, exact), distance(logits, torch), distance(logits, exact),
      distance(folded, torch), distance(folded, exact));
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder = EIGEN_NORM_EXAMPLES_DATA_DIR;
  CLI::App app{"Runs a network that PyTorch has trained, and compares the results"};
  app.add_option("--data", folder, "Folder of the state dict and the batch")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    run(folder);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "from_torch: %s\n", error.what());
    return 1;
  }
}
