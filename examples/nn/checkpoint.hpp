// SPDX-License-Identifier: MIT
#pragma once

#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <eigen_norm/io/atomic_file.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "nn/gz_file.hpp"

// A checkpoint is a gzip file, for its checksum; nothing in it is compressed. Its first line says
// of what it is. Then come the values: a line "name: count x bytes" and the numbers as they lie in
// memory, or, of a text, the line "name: text". Writer and reader are visitors for for_each_state,
// so that what is written and what is read cannot drift apart.
namespace nn {

namespace checkpoint {

inline constexpr std::string_view first_words = "checkpoint 1 of ";

/// The bytes of a number, or of the numbers of an Eigen object or a vector, and the line before.
template <typename Value>
class Numbers {
 public:
  explicit Numbers(Value& value) {
    if constexpr (std::is_arithmetic_v<std::remove_const_t<Value>>) {
      set(&value, 1);
    } else {
      set(value.data(), static_cast<std::size_t>(value.size()));
    }
  }

  std::string line(std::string_view name) const {
    return std::string(name) + ": " + std::to_string(count_) + " x " + std::to_string(size_);
  }
  auto* data() const { return data_; }
  std::size_t bytes() const { return count_ * size_; }

 private:
  template <typename Number>
  void set(Number* first, std::size_t count) {
    data_ = first;
    count_ = count;
    size_ = sizeof(Number);
  }

  std::conditional_t<std::is_const_v<Value>, const void, void>* data_;
  std::size_t count_, size_;
};

}  // namespace checkpoint

/// Writes a checkpoint that takes the place of the file at `path` when it is complete.
class CheckpointWriter {
 public:
  /// `content` says in one line of what this is a checkpoint.
  CheckpointWriter(const std::string& path, const std::string& content)
      : path_(path), file_(path), gzip_(gzdopen(dup(fileno(file_.stream())), "wb0")) {
    if (gzip_ == nullptr) fail();
    write_line(std::string(checkpoint::first_words) + content);
  }

  void operator()(std::string_view name, const std::string& text) {
    write_line(std::string(name) + ": " + text);
  }

  template <typename Value>
  void operator()(std::string_view name, const Value& value) {
    const checkpoint::Numbers<const Value> numbers(value);
    write_line(numbers.line(name));
    write(numbers.data(), numbers.bytes());
  }

  /// After the last value.
  void finish() {
    if (gzclose(gzip_.release()) != Z_OK) fail();
    file_.commit();
  }

 private:
  struct Close {
    void operator()(gzFile_s* file) const { gzclose(file); }
  };

  void write_line(const std::string& text) { write((text + '\n').data(), text.size() + 1); }

  void write(const void* from, std::size_t bytes) {
    const int written = gzwrite(gzip_.get(), from, static_cast<unsigned>(bytes));
    if (static_cast<std::size_t>(written) != bytes) fail();
  }

  [[noreturn]] void fail() const {
    throw std::runtime_error(path_ + ": expected to write a checkpoint, got \"" +
                             std::strerror(errno) + '"');
  }

  std::string path_;
  eigen_norm::io::AtomicFile file_;
  std::unique_ptr<gzFile_s, Close> gzip_;
};

/// Reads what CheckpointWriter wrote into values of the same names and sizes. Whatever is wrong
/// ends in a std::runtime_error that says `file: expected this, got that`; the model is then to be
/// thrown away, for some of its values may be those of the file.
class CheckpointReader {
 public:
  CheckpointReader(const std::string& path, const std::string& content)
      : file_(path, "a checkpoint of " + content) {
    const std::string line = file_.line();
    const std::size_t words = checkpoint::first_words.size();
    if (line.substr(0, words) != checkpoint::first_words) file_.fail("another kind of file");
    if (line.substr(words) != content) file_.fail("one of " + line.substr(words));
  }

  void operator()(std::string_view name, std::string& text) {
    const std::string prefix = std::string(name) + ": ", line = file_.line();
    if (line.substr(0, prefix.size()) != prefix) fail_at(prefix, line);
    text = line.substr(prefix.size());
  }

  template <typename Value>
  void operator()(std::string_view name, Value& value) {
    const checkpoint::Numbers<Value> numbers(value);
    const std::string line = file_.line();
    if (line != numbers.line(name)) fail_at(numbers.line(name), line);
    file_.read(numbers.data(), numbers.bytes());
  }

  /// After the last value: nothing may follow it.
  void finish() { file_.finish(); }

 private:
  [[noreturn]] void fail_at(const std::string& expected, const std::string& got) const {
    file_.fail('"' + got + "\" in place of \"" + expected + '"');
  }

  ExactFile file_;
};

/// Saves whatever has for_each_state(visit).
template <typename State>
void save_checkpoint(State& state, const std::string& path, const std::string& content) {
  CheckpointWriter out(path, content);
  state.for_each_state(out);
  out.finish();
}

template <typename State>
void load_checkpoint(State& state, const std::string& path, const std::string& content) {
  CheckpointReader in(path, content);
  state.for_each_state(in);
  in.finish();
}

}  // namespace nn
