// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <system_error>

#include "eigen_norm/memory/error.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#elif defined(_WIN32)
#include <io.h>
#endif

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Writes a file beside the one of that name and, when it is complete, puts it there in one step:
/// whatever happens, the file at `path` is whole, be it the old one or the new one. It keeps the
/// permissions of the old one; of a symbolic link it replaces what that points to.
///
/// Every error is a std::runtime_error with the path and the system's reason, and leaves nothing
/// behind.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path)
      : path_(path),
        target_(target_of(path)),
        part_(target_.string() + ".part-" + std::to_string(std::random_device()())),
        file_(std::fopen(part_.string().c_str(), "wbx")) {
    if (file_ == nullptr) fail(std::strerror(errno));
  }
  ~AtomicFile() {
    if (file_ != nullptr) remove_part();  // not committed
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* from, std::size_t bytes) {
    if (bytes == 0) return;  // from nowhere, then
    if (std::fwrite(from, 1, bytes, file_.get()) != bytes) fail(std::strerror(errno));
  }

  /// For those who write in their own way, through to the end.
  std::FILE* stream() { return file_.get(); }

  /// After the last byte: the disk has the file before it takes the place of the old one.
  void commit() {
    if (std::fflush(file_.get()) != 0 || !is_synced()) fail(std::strerror(errno));
    std::error_code error;
    const auto old = std::filesystem::status(target_, error);
    if (std::filesystem::exists(old)) {
      std::filesystem::permissions(part_, old.permissions(), error);
      if (error) fail(error.message());
    }
    if (std::fclose(file_.release()) != 0) fail(std::strerror(errno));
    std::filesystem::rename(part_, target_, error);
    if (error) fail(error.message());
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  /// The file itself, where it is there: what a link points to.
  static std::filesystem::path target_of(const std::string& path) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) return path;
    if (!std::filesystem::is_regular_file(status)) raise(path, "not a regular file");
    const auto target = std::filesystem::canonical(path, error);
    return error ? std::filesystem::path(path) : target;
  }

  bool is_synced() const {
#if defined(__unix__) || defined(__APPLE__)
    return fsync(fileno(file_.get())) == 0;
#elif defined(_WIN32)
    return _commit(_fileno(file_.get())) == 0;
#else
    return true;
#endif
  }

  void remove_part() {
    file_.reset();
    std::error_code ignored;
    std::filesystem::remove(part_, ignored);
  }

  [[noreturn]] void fail(const std::string& reason) {
    remove_part();
    raise(path_, reason);
  }
  [[noreturn]] static void raise(const std::string& path, const std::string& reason) {
    memory::raise<std::runtime_error>(path + ": expected to write the file, got \"" + reason + '"');
  }

  std::string path_;
  std::filesystem::path target_, part_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
