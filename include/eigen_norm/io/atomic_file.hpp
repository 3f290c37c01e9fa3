// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <string>

#include "eigen_norm/memory/error.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Writes a file beside the one of that name and, when it is complete, puts it there in one step:
/// whatever happens, the file at `path` is whole, be it the old one or the new one.
///
/// Every error is a std::runtime_error with the path and the system's reason, and leaves nothing
/// behind.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path)
      : path_(path),
        part_(path + ".part-" + std::to_string(std::random_device()())),
        file_(std::fopen(part_.c_str(), "wbx")) {
    if (file_ == nullptr) fail();
  }
  ~AtomicFile() {
    if (file_ == nullptr) return;  // committed, or failed
    file_.reset();
    std::remove(part_.c_str());
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* from, std::size_t bytes) {
    if (std::fwrite(from, 1, bytes, file_.get()) != bytes) fail();
  }

  /// For those who write in their own way, through to the end.
  std::FILE* stream() { return file_.get(); }

  /// After the last byte: the disk has the file before it takes the place of the old one.
  void commit() {
    if (std::fflush(file_.get()) != 0 || !synced()) fail();
    if (std::fclose(file_.release()) != 0) fail();
    if (std::rename(part_.c_str(), path_.c_str()) != 0) fail();
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  bool synced() const {
#if defined(__unix__) || defined(__APPLE__)
    return fsync(fileno(file_.get())) == 0;
#else
    return true;
#endif
  }

  [[noreturn]] void fail() {
    const std::string reason = std::strerror(errno);
    file_.reset();
    std::remove(part_.c_str());
    memory::raise<std::runtime_error>(path_ + ": expected to write the file, got \"" + reason +
                                      '"');
  }

  std::string path_, part_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
