// SPDX-License-Identifier: MIT
#include <Eigen/Core>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <unsupported/Eigen/CXX11/Tensor>
#include <utility>

#include "eigen_norm/eigen_norm.hpp"
#include "eigen_norm/io/onnx.hpp"
#include "support/random.hpp"

// write_cases FOLDER: layers as ONNX models, each with an input and the answer of the layer:
// NAME.onnx, NAME.x and NAME.y, elements in row-major order; cases.txt has a line for each,
//   NAME OPERATOR TYPE DIMS...
namespace eigen_norm::test {
namespace {

namespace fs = std::filesystem;

class Cases {
 public:
  explicit Cases(fs::path folder) : folder_(std::move(folder)), list_(folder_ / "cases.txt") {}

  // What the layer does to normal data of mean 3 and sigma 2.
  template <int Rank, typename Layer>
  void add(const std::string& op_type, Layer layer, const Dims& dims) {
    using Tensor = Eigen::Tensor<typename Layer::Scalar, Rank, Eigen::RowMajor>;
    const std::string type =
        io::onnx_type_name(io::onnx_type_of(io::element_type_of<typename Layer::Scalar>()));
    const std::string name = op_type + '.' + type + '.' + std::to_string(++count_);
    fill(layer);
    const Tensor x = to_eigen<Tensor>(random_normal(dims, 1, 3, 2));
    write(name + ".x", x);
    write(name + ".y", Tensor(layer.infer(x)));
    io::save_onnx((folder_ / (name + ".onnx")).string(), layer, Rank);
    list_ << name << ' ' << op_type << ' ' << type;
    for (const Index dim : dims) list_ << ' ' << dim;
    list_ << '\n';
  }

 private:
  // Parameters and statistics as after a training on such data.
  template <typename Layer>
  static void fill(Layer& layer) {
    layer.for_each_state([&](std::string_view name, auto& value) {
      if constexpr (!std::is_arithmetic_v<std::decay_t<decltype(value)>>) {
        const Dims size{value.size()};
        const Logical random = name == "running_var"
                                   ? random_uniform(size, 2, 1, 6)
                                   : random_normal(size, 3, name == "running_mean" ? 3 : 1);
        copy_to_parameters(random.values, value);
      }
    });
  }

  template <typename Tensor>
  void write(const std::string& name, const Tensor& values) const {
    std::ofstream(folder_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(sizeof(*values.data())) * values.size());
  }

  fs::path folder_;
  std::ofstream list_;
  int count_ = 0;
};

// A float, which ONNX's attributes are: 1e-3 is not, and rounding it shows in double.
constexpr double large_eps = 0x1p-10;

template <typename Scalar>
void add_batch_norm(Cases& cases) {
  const char* const op_type = "BatchNormalization";
  cases.add<2>(op_type, BatchNorm1d<Scalar>(10), {32, 10});
  cases.add<3>(op_type, BatchNorm1d<Scalar>(5), {4, 5, 33});
  cases.add<4>(op_type, BatchNorm2d<Scalar>(16), {2, 16, 7, 7});
  cases.add<4>(op_type, BatchNorm2d<Scalar>(3, BatchNormOptions{large_eps, 0.1, false, true}),
               {2, 3, 8, 8});
  cases.add<4>(op_type, BatchNorm2d<Scalar>(3, BatchNormOptions{large_eps, 0.1, true, false}),
               {2, 3, 8, 8});
  cases.add<5>(op_type, BatchNorm3d<Scalar>(4), {2, 4, 3, 4, 5});
  InstanceNormOptions tracking = InstanceNormOptions::onnx();
  tracking.track_running_stats = true;
  cases.add<4>(op_type, InstanceNorm2d<Scalar>(6, tracking), {2, 6, 5, 5});
}

template <typename Scalar>
void add_instance_norm(Cases& cases) {
  const char* const op_type = "InstanceNormalization";
  cases.add<3>(op_type, InstanceNorm1d<Scalar>(5, InstanceNormOptions::onnx()), {4, 5, 33});
  cases.add<4>(op_type, InstanceNorm2d<Scalar>(16, InstanceNormOptions::onnx()), {2, 16, 7, 7});
  cases.add<4>(op_type, InstanceNorm2d<Scalar>(3), {2, 3, 32, 32});
  cases.add<5>(op_type, InstanceNorm3d<Scalar>(4, InstanceNormOptions::onnx()), {2, 4, 3, 4, 5});
}

template <typename Scalar>
void add_group_norm(Cases& cases) {
  const char* const op_type = "GroupNormalization";
  cases.add<2>(op_type, GroupNorm<Scalar>(2, 16), {8, 16});
  cases.add<3>(op_type, GroupNorm<Scalar>(1, 6), {4, 6, 33});
  cases.add<4>(op_type, GroupNorm<Scalar>(4, 16), {2, 16, 7, 7});
  cases.add<4>(op_type, GroupNorm<Scalar>(3, 6, GroupNormOptions{large_eps, false, false}),
               {2, 6, 8, 8});
  cases.add<5>(op_type, GroupNorm<Scalar>(4, 4), {2, 4, 3, 4, 5});
}

template <typename Scalar>
void add_trailing(Cases& cases) {
  const char* const layer_norm = "LayerNormalization";
  cases.add<2>(layer_norm, LayerNorm<Scalar>(768), {16, 768});
  cases.add<3>(layer_norm, LayerNorm<Scalar>(33, LayerNormOptions{large_eps, true, false}),
               {2, 5, 33});
  cases.add<4>(layer_norm, LayerNorm<Scalar>({3, 7, 7}), {4, 3, 7, 7});
  cases.add<2>(layer_norm, LayerNorm<Scalar>(10, LayerNormOptions{1e-5, false, false}), {6, 10});
  const char* const rms_norm = "RMSNormalization";
  cases.add<2>(rms_norm, RMSNorm<Scalar>(768), {16, 768});
  cases.add<3>(rms_norm, RMSNorm<Scalar>(33, RMSNormOptions{large_eps, true, true}), {2, 5, 33});
  cases.add<4>(rms_norm, RMSNorm<Scalar>({3, 7, 7}, RMSNormOptions{1e-5}), {4, 3, 7, 7});
  cases.add<2>(rms_norm, RMSNorm<Scalar>(10, RMSNormOptions{1e-5, false}), {6, 10});
}

// What onnxruntime has kernels for on the CPU: nothing in bfloat16, no InstanceNormalization in
// double.
void write_cases(const fs::path& folder) {
  fs::create_directories(folder);
  Cases cases(folder);
  add_batch_norm<float>(cases);
  add_batch_norm<double>(cases);
  add_batch_norm<Eigen::half>(cases);
  add_instance_norm<float>(cases);
  add_instance_norm<Eigen::half>(cases);
  add_group_norm<float>(cases);
  add_group_norm<double>(cases);
  add_group_norm<Eigen::half>(cases);
  add_trailing<float>(cases);
  add_trailing<double>(cases);
  add_trailing<Eigen::half>(cases);
}

}  // namespace
}  // namespace eigen_norm::test

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "write_cases FOLDER\n";
    return 2;
  }
  eigen_norm::test::write_cases(argv[1]);
}
