// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "eigen_norm/io/atomic_file.hpp"
#include "eigen_norm/io/byte_order.hpp"
#include "eigen_norm/io/mapped_file.hpp"
#include "eigen_norm/io/safetensors/header_reader.hpp"
#include "eigen_norm/io/safetensors/header_text.hpp"
#include "eigen_norm/io/safetensors/layout.hpp"
#include "eigen_norm/io/safetensors/writer.hpp"
#include "eigen_norm/io/state_dict.hpp"

/// Safetensors, the format that PyTorch's state dicts are exchanged in:
///
///     8 bytes     the size of the header
///     header      JSON: type, shape and place of each tensor; see SafetensorsHeader
///     data        the elements of each tensor in row-major order, without gaps
///
/// All numbers begin with their lowest byte.
namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// What a file holds.
struct Safetensors {
  StateDict state;
  SafetensorsMetadata metadata;
};

/// A file in memory: the tensors are views of its bytes, which `memory` keeps alive, or the caller
/// does. Throws std::runtime_error, with `source` first, for what is not as the format says.
inline Safetensors parse_safetensors(std::string_view file,
                                     const std::shared_ptr<const void>& memory,
                                     const std::string& source) {
  const std::string_view text = safetensors_header_text(file, source);
  SafetensorsHeader header = SafetensorsHeaderReader::read(text, source);
  const char* const data = text.data() + text.size();
  lay_out(header.tensors, file.size() - static_cast<std::size_t>(data - file.data()), source);

  Safetensors result;
  result.metadata = std::move(header.metadata);
  for (SafetensorsTensor& tensor : header.tensors) {
    TensorView view;
    view.type = tensor.type;
    view.shape = tensor.shape;
    view.strides = packed_strides(tensor.shape);
    view.data = data + tensor.begin;
    view.swapped = !is_little_endian();
    result.state.add_view(std::move(tensor.name), view, memory);
  }
  return result;
}

/// Tensors and metadata of a file. It is mapped into memory for as long as a copy of the state is
/// there, and its data are read when they are looked at.
inline Safetensors read_safetensors(const std::string& path) {
  const std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  return parse_safetensors({file->data(), file->size()}, file, path);
}

/// Its tensors alone.
inline StateDict load_safetensors(const std::string& path) { return read_safetensors(path).state; }

/// The bytes of the file that save_safetensors writes.
inline std::string serialize_safetensors(const StateDict& state,
                                         const SafetensorsMetadata& metadata = {}) {
  const std::string target = "serialize_safetensors";
  std::string bytes;
  SafetensorsWriter(state, metadata, target).write([&](const void* from, std::size_t size) {
    bytes.append(static_cast<const char*>(from), size);
  });
  return bytes;
}

/// Writes the file in one step: whatever happens, the one at `path` is whole, the old or the new.
/// It may be the very file that `state` was loaded from.
///
/// Throws std::invalid_argument, before anything is written, for a name that is not UTF-8 or that
/// is "__metadata__", and std::runtime_error where the file cannot be written.
inline void save_safetensors(const std::string& path, const StateDict& state,
                             const SafetensorsMetadata& metadata = {}) {
  const SafetensorsWriter writer(state, metadata, path);
  AtomicFile file(path);
  writer.write([&](const void* from, std::size_t size) { file.write(from, size); });
  file.commit();
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
