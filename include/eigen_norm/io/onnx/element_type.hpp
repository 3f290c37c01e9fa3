// SPDX-License-Identifier: MIT
#pragma once

// What Debian's libonnx-dev was built with, for those who do not link its CMake target.
#ifndef ONNX_NAMESPACE
#define ONNX_NAMESPACE onnx
#endif
#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#include <onnx/onnx_pb.h>

#include <optional>
#include <string>

#include "eigen_norm/io/element_type.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// The messages of onnx.proto, as protoc has made them.
namespace onnx_proto = ::ONNX_NAMESPACE;

/// That of a TensorProto's data_type, if it is a float of 64, 32 or 16 bits: a normalization has
/// parameters of no other type.
inline std::optional<ElementType> element_type_of_onnx(int data_type) {
  switch (data_type) {
    case onnx_proto::TensorProto::DOUBLE:
      return ElementType::f64;
    case onnx_proto::TensorProto::FLOAT:
      return ElementType::f32;
    case onnx_proto::TensorProto::FLOAT16:
      return ElementType::f16;
    case onnx_proto::TensorProto::BFLOAT16:
      return ElementType::bf16;
    default:
      return std::nullopt;
  }
}

/// The data_type of such a float.
inline int onnx_type_of(ElementType type) {
  switch (type) {
    case ElementType::f64:
      return onnx_proto::TensorProto::DOUBLE;
    case ElementType::f16:
      return onnx_proto::TensorProto::FLOAT16;
    case ElementType::bf16:
      return onnx_proto::TensorProto::BFLOAT16;
    default:
      return onnx_proto::TensorProto::FLOAT;
  }
}

/// "INT8", and "data_type 17" where this onnx.proto has no name for it.
inline std::string onnx_type_name(int data_type) {
  return onnx_proto::TensorProto_DataType_IsValid(data_type)
             ? onnx_proto::TensorProto_DataType_Name(data_type)
             : "data_type " + std::to_string(data_type);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
