// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "eigen_norm/io/atomic_file.hpp"
#include "eigen_norm/io/onnx/load.hpp"
#include "eigen_norm/io/onnx/write_layer.hpp"

/// Normalization layers from ONNX models and into them. Needs libonnx's onnx_proto and protobuf:
/// the CMake target eigen_norm::onnx.
///
///     io::OnnxModel model = io::load_onnx("model.onnx");
///     for (const io::OnnxNorm& norm : model.norms) std::cout << norm.op_type() << '\n';
///     auto norm = model.at("/stem/norm").as<BatchNorm2d<float>>();
///
///     io::save_onnx("norm.onnx", norm);

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Writes what the layer does in inference as a model of one node, "norm", from X to Y, with its
/// parameters as initialisers; whatever happens, the file at `path` is whole.
///
/// `rank` is that of X where the layer leaves it open: 2 or 3 (the default) for BatchNorm1d, 2 to
/// 8 (4) for GroupNorm, and for LayerNorm and RMSNorm any that holds normalized_shape (one more).
///
/// What only training knows is left out: the mode, num_batches_tracked, the kind of running
/// variance, virtual batches and renormalisation. eps and momentum are rounded to float, and so are
/// parameters to the type of the data, where ONNX asks for it.
///
/// Throws std::invalid_argument for what ONNX cannot say: channels last, a BatchNorm without
/// running statistics, an eps or a parameter beyond the range of its type; std::runtime_error where
/// the file cannot be written.
template <typename Layer>
void save_onnx(const std::string& path, const Layer& layer, std::optional<int> rank = {}) {
  OnnxWriter writer(path, rank);
  write_layer(layer, writer);
  const std::string bytes = writer.bytes();
  AtomicFile file(path);
  file.write(bytes.data(), bytes.size());
  file.commit();
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
