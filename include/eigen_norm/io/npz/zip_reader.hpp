// SPDX-License-Identifier: MIT
#pragma once

#include <zip.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "eigen_norm/io/malformed.hpp"
#include "eigen_norm/io/mapped_file.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

struct DiscardZip {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using ZipHandle = std::unique_ptr<zip_t, DiscardZip>;

/// Reads the members of a zip archive, stored or deflated. Every error is a std::runtime_error with
/// the path, the member's name where it is about one, and libzip's reason.
class ZipReader {
 public:
  struct Bytes {
    std::shared_ptr<char> data;
    std::size_t size;
  };

  explicit ZipReader(const std::string& path) : path_(path), file_(MappedFile::open(path)) {
    // libzip takes an empty file for an archive without members.
    if (file_->size() == 0) fail("a zip archive", "an empty file");
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t* const source = zip_source_buffer_create(file_->data(), file_->size(), 0, &error);
    if (source != nullptr) archive_.reset(zip_open_from_source(source, ZIP_RDONLY, &error));
    if (archive_) {  // which owns the source
      expect_members_apart();
      return;
    }
    if (source != nullptr) zip_source_free(source);
    const std::string reason = zip_error_strerror(&error);
    zip_error_fini(&error);
    fail("a zip archive", quoted(reason));
  }

  std::size_t size() const {
    return static_cast<std::size_t>(zip_get_num_entries(archive_.get(), 0));
  }

  std::string name(std::size_t member) const {
    const char* const name = zip_get_name(archive_.get(), member, 0);
    if (name == nullptr) fail("a member with a name", reason());
    return name;
  }

  Bytes read(std::size_t member) const {
    const std::string name = this->name(member);
    const std::size_t size = size_of(member, name);
    Bytes bytes{{new char[size], std::default_delete<char[]>()}, size};
    const File file(zip_fopen_index(archive_.get(), member, 0));
    if (!file) fail_at(name, "a member to read", reason());
    std::size_t done = 0;
    while (done < bytes.size) {
      const std::size_t more =
          read_some(file.get(), name, bytes.data.get() + done, bytes.size - done);
      if (more == 0) fail_at(name, bytes_text(size), std::to_string(done));
      done += more;
    }
    char beyond;  // and at the end libzip compares the checksum
    if (read_some(file.get(), name, &beyond, 1) != 0) fail_at(name, bytes_text(size), "more");
    return bytes;
  }

  [[noreturn]] void fail_at(const std::string& member, const std::string& expected,
                            const std::string& got) const {
    raise_malformed(path_ + ": " + member, expected, got);
  }

 private:
  struct CloseFile {
    void operator()(zip_file_t* file) const { zip_fclose(file); }
  };
  using File = std::unique_ptr<zip_file_t, CloseFile>;

  zip_stat_t stat_of(std::size_t member) const {
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (zip_stat_index(archive_.get(), member, 0, &stat) != 0) {
      fail_at(name(member), "a member with a size", reason());
    }
    return stat;
  }

  /// Members that share bytes of the file could have any number of bytes together.
  void expect_members_apart() const {
    std::uint64_t left = file_->size();
    for (std::size_t member = 0; member < size(); ++member) {
      const std::uint64_t packed = stat_of(member).comp_size;
      if (packed > left) {
        fail("members within the " + bytes_text(file_->size()) + " of the file", "more");
      }
      left -= packed;
    }
  }

  /// Of a member, as the archive claims, which is believed where the file could hold so much: no
  /// byte of a deflated member is more than 1032 of its contents.
  std::size_t size_of(std::size_t member, const std::string& name) const {
    const zip_stat_t stat = stat_of(member);
    const bool is_stored = stat.comp_method == ZIP_CM_STORE;
    if (!is_stored && stat.comp_method != ZIP_CM_DEFLATE) {
      fail_at(name, "a stored or deflated member",
              "compression method " + std::to_string(stat.comp_method));
    }
    if (stat.size / (is_stored ? 1 : 1032) > stat.comp_size) {
      fail_at(name, "a size that " + bytes_text(stat.comp_size) + " can hold",
              std::to_string(stat.size));
    }
    return static_cast<std::size_t>(stat.size);
  }

  std::size_t read_some(zip_file_t* file, const std::string& name, char* to,
                        std::size_t most) const {
    const zip_int64_t count = zip_fread(file, to, most);
    if (count < 0) fail_at(name, "a member without fault", quoted(zip_file_strerror(file)));
    return static_cast<std::size_t>(count);
  }

  std::string reason() const { return quoted(zip_strerror(archive_.get())); }
  static std::string quoted(const std::string& reason) { return '"' + reason + '"'; }
  static std::string bytes_text(zip_uint64_t bytes) { return std::to_string(bytes) + " bytes"; }

  [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
    raise_malformed(path_, expected, got);
  }

  std::string path_;
  std::shared_ptr<const MappedFile> file_;
  ZipHandle archive_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
