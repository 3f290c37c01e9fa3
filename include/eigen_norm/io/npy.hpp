// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "eigen_norm/io/atomic_file.hpp"
#include "eigen_norm/io/mapped_file.hpp"
#include "eigen_norm/io/npy/header_parser.hpp"
#include "eigen_norm/io/packed_bytes.hpp"
#include "eigen_norm/io/to_eigen.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// What stands between the length of the header and the elements.
inline std::string_view text_of_npy_header(std::string_view file, const std::string& name) {
  const std::string_view magic(npy_magic);
  if (file.substr(0, magic.size()) != magic)
    raise_malformed(name, "an .npy file", "something else");
  file.remove_prefix(magic.size());
  if (file.size() < 2) raise_malformed(name, "a version of the format", "the end of the file");
  const int major = static_cast<unsigned char>(file[0]);
  const int minor = static_cast<unsigned char>(file[1]);
  if (major < 1 || major > 3 || minor != 0) {
    raise_malformed(name, "version 1.0, 2.0 or 3.0 of the format",
                    std::to_string(major) + '.' + std::to_string(minor));
  }
  file.remove_prefix(2);
  const std::size_t digits = major == 1 ? 2 : 4;  // of the length, in bytes
  if (file.size() < digits)
    raise_malformed(name, "the length of the header", "the end of the file");
  const std::uint64_t length = read_little_endian(file.data(), static_cast<int>(digits));
  file.remove_prefix(digits);
  if (length > file.size()) {
    raise_malformed(name, "a header of " + std::to_string(length) + " bytes",
                    std::to_string(file.size()));
  }
  return file.substr(0, static_cast<std::size_t>(length));
}

/// The tensor of an .npy file in memory, where it lies. `name` begins the messages.
///
/// Throws std::runtime_error for a malformed file, a dtype other than float64, float32, float16,
/// int64 and int32 of either byte order, and more or fewer bytes than the header asks for.
inline TensorView view_of_npy(const char* bytes, std::size_t size, const std::string& name) {
  const std::string_view text = text_of_npy_header({bytes, size}, name);
  const NpyHeader header = NpyHeaderParser(text, name).parse();
  TensorView view;
  view.type = header.type;
  view.shape = header.shape;
  view.strides = packed_strides(header.shape, header.row_major);
  view.data = text.data() + text.size();
  view.swapped = header.swapped;
  const auto rest = static_cast<std::size_t>(bytes + size - static_cast<const char*>(view.data));
  const std::size_t element = size_of(view.type);
  const auto elements = static_cast<std::size_t>(view.shape.size());
  if (rest % element != 0 || rest / element != elements) {
    raise_malformed(name,
                    std::to_string(elements) + " elements of " + std::to_string(element) + " bytes",
                    std::to_string(rest) + " bytes");
  }
  return view;
}

/// Reads an .npy file as an Eigen matrix, array or tensor, as to_eigen does.
///
///     auto x = io::load_npy<Eigen::MatrixXf>("x.npy");
///
/// Throws std::runtime_error for what view_of_npy refuses, and std::invalid_argument for a tensor
/// that does not fit the type asked for.
template <typename Plain>
Plain load_npy(const std::string& path) {
  const auto file = MappedFile::open(path);
  return to_eigen<Plain>(view_of_npy(file->data(), file->size(), path), path);
}

/// A tensor as the bytes of an .npy file: a header, and the elements, which are those of the tensor
/// itself where they lie without gaps in row-major or column-major order, as numpy.save has it, and
/// else a copy in row-major order.
class NpyBytes {
 public:
  /// `name` begins the message. Throws std::invalid_argument for bfloat16, which NumPy has not.
  NpyBytes(const TensorView& tensor, const std::string& name) : tensor_{tensor} {
    if (numpy_name_of(tensor.type) == nullptr) {
      memory::raise_invalid(name + ": expected a type that NumPy has, got " + name_of(tensor.type));
    }
    const bool is_row_major = tensor.shape.size() == 0 || has_packed_strides(tensor, true);
    const bool is_column_major = !is_row_major && has_packed_strides(tensor, false);
    header_ = npy_header_bytes({tensor.type, tensor.swapped, !is_column_major, tensor.shape});
    if (is_row_major || is_column_major) return;
    copy_ = packed_bytes(tensor, tensor.swapped);
    tensor_.data = copy_.get();
    tensor_.strides = packed_strides(tensor.shape);
  }

  /// To be read: libzip wants pointers to what is not const.
  std::string& header() { return header_; }
  void* data() { return tensor_.target(); }
  std::size_t size() const { return bytes_of(tensor_); }

 private:
  MutableTensorView tensor_;
  std::string header_;
  std::unique_ptr<char[]> copy_;
};

/// Writes an Eigen object, a number or a TensorView, byte for byte as numpy.save does, and
/// atomically: see AtomicFile. A column-major matrix or tensor has fortran_order, as in NumPy.
template <typename X>
void save_npy(const std::string& path, const X& x) {
  if constexpr (std::is_base_of_v<TensorView, X>) {
    NpyBytes bytes(x, path);
    AtomicFile file(path);
    file.write(bytes.header().data(), bytes.header().size());
    file.write(bytes.data(), bytes.size());
    file.commit();
  } else {
    const TensorView view = view_of(x);
    save_npy(path, view);
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
