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
#include "io/onnx/one_node.hpp"
#include "support/random.hpp"

// write_cases FOLDER: layers as ONNX models, and models of what no layer is written as, each with
// an input and the answer of the layer: NAME.onnx, NAME.x and NAME.y, elements in row-major order;
// cases.txt has a line for each,
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
    fill(layer);
    io::save_onnx(answer<Rank>(op_type, layer, dims), layer, Rank);
  }

  // What the layer does that is read of the model.
  template <int Rank, typename Layer>
  void add_read(OneNode model, const Dims& dims) {
    model.x({dims.begin(), dims.end()});
    model.graph().set_name("read");
    *model.graph().add_output() = model.graph().input(0);
    model.graph().mutable_output(0)->set_name("Y");
    for (auto* value : {model.graph().mutable_input(0), model.graph().mutable_output(0)}) {
      value->mutable_type()->mutable_tensor_type()->set_elem_type(proto::TensorProto::FLOAT);
    }
    const std::string path = answer<Rank>(model.node().op_type(), model.as<Layer>(), dims);
    std::ofstream(path, std::ios::binary) << model.model.SerializeAsString();
  }

 private:
  // Writes the next case but for its model, whose path it returns.
  template <int Rank, typename Layer>
  std::string answer(const std::string& op_type, const Layer& layer, const Dims& dims) {
    using Tensor = Eigen::Tensor<typename Layer::Scalar, Rank, Eigen::RowMajor>;
    const std::string type =
        io::onnx_type_name(io::onnx_type_of(io::element_type_of<typename Layer::Scalar>()));
    const std::string name = op_type + '.' + type + '.' + std::to_string(++count_);
    const Tensor x = to_eigen<Tensor>(random_normal(dims, 1, 3, 2));
    write(name + ".x", x);
    write(name + ".y", Tensor(layer.infer(x)));
    list_ << name << ' ' << op_type << ' ' << type;
    for (const Index dim : dims) list_ << ' ' << dim;
    list_ << '\n';
    return (folder_ / (name + ".onnx")).string();
  }

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

// Parameters by group, parameters that are spread, and an axis from the front: these are read,
// never written.
void add_read(Cases& cases) {
  OneNode by_group("GroupNormalization", 18);
  by_group.parameter("scale", {0.5, -2}).parameter("bias", {1, 3}).integer("num_groups", 2);
  cases.add_read<4, GroupNorm<float>>(by_group, {2, 6, 5, 5});
  OneNode layer_norm("LayerNormalization", 17);
  layer_norm.parameter("Scale", {0.5, -2, 3}, {3, 1, 1})
      .parameter("B", {1, 2, 3, 4})
      .integer("axis", 1);
  cases.add_read<4, LayerNorm<float>>(layer_norm, {2, 3, 5, 4});
  OneNode rms_norm("RMSNormalization", 23);
  rms_norm.parameter("scale", {0.5, -2, 3, 1}, {1, 4}).integer("axis", 1).number("epsilon", 0.25);
  cases.add_read<3, RMSNorm<float>>(rms_norm, {5, 3, 4});
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
  add_read(cases);
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
