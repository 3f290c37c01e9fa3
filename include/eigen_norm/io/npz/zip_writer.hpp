// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/io/npz/zip_reader.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Writes a zip archive of stored members, the same bytes for the same members: their time is the
/// first that the format has, that of 1980. libzip writes a file beside the one of that name and
/// renames it when it is complete. Every error is a std::runtime_error, and leaves the old file.
class ZipWriter {
 public:
  explicit ZipWriter(const std::string& path) : path_(path) {
    int error = 0;
    archive_.reset(zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error));
    if (archive_) return;
    zip_error_t reason;
    zip_error_init_with_code(&reason, error);
    const std::string text = zip_error_strerror(&reason);
    zip_error_fini(&reason);
    fail(text);
  }

  /// A member of two parts, which must stay where they are until `commit`, and are only read.
  void add(const std::string& name, std::string& head, void* data, std::size_t size) {
    auto* const first = reinterpret_cast<zip_uint8_t*>(head.data());
    const zip_buffer_fragment_t parts[] = {{first, head.size()},
                                           {static_cast<zip_uint8_t*>(data), size}};
    zip_source_t* const source =
        zip_source_buffer_fragment(archive_.get(), parts, size > 0 ? 2 : 1, 0);
    if (source == nullptr) fail(zip_strerror(archive_.get()));
    const zip_int64_t added = zip_file_add(archive_.get(), name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (added < 0) {
      zip_source_free(source);
      memory::raise<std::runtime_error>(path_ + ": expected to add " + name + ", got \"" +
                                        zip_strerror(archive_.get()) + '"');
    }
    const auto member = static_cast<zip_uint64_t>(added);
    constexpr zip_uint16_t first_day = (1 << 5) + 1;  // 0 years after 1980, month 1, day 1
    if (zip_set_file_compression(archive_.get(), member, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive_.get(), member, 0, first_day, 0) != 0) {
      fail(zip_strerror(archive_.get()));
    }
  }

  void commit() {
    if (zip_close(archive_.get()) != 0) fail(zip_strerror(archive_.get()));
    static_cast<void>(archive_.release());  // gone with its last member
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    memory::raise<std::runtime_error>(path_ + ": expected to write the file, got \"" + reason +
                                      '"');
  }

  std::string path_;
  ZipHandle archive_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
