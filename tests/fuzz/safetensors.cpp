// SPDX-License-Identifier: MIT
#include "eigen_norm/io/safetensors.hpp"

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

#include "fuzz/require.hpp"
#include "fuzz/target.hpp"

// Bytes as a safetensors file: it is refused by a std::runtime_error, or its tensors are all of its
// data, and it can be saved and loaded to the same tensors.
namespace eigen_norm::test::fuzz {
namespace {

using io::Safetensors;
using io::TensorView;

Safetensors parsed(const std::string& file) { return io::parse_safetensors(file, nullptr, "file"); }

std::string_view data_of(const TensorView& view) {
  return {static_cast<const char*>(view.data), io::bytes_of(view)};
}

// The tensors lie one behind the other, up to the end of the file.
void require_all_of(const std::string& file, const Safetensors& contents) {
  std::size_t rest = file.size() - 8 - io::safetensors_header_text(file, "file").size();
  for (const auto& entry : contents.state) {
    const std::string_view data = data_of(entry.view);
    require(data.data() == file.data() + file.size() - rest, "a gap or an overlap");
    require(data.size() <= rest, "a tensor ends behind the file");
    rest -= data.size();
  }
  require(rest == 0, "bytes that are no tensor's");
}

void require_same(const Safetensors& a, const Safetensors& b) {
  require(a.metadata == b.metadata, "other metadata");
  require(a.state.size() == b.state.size(), "another number of tensors");
  for (const auto& entry : a.state) {
    const TensorView& other = b.state.at(entry.name);
    require(entry.view.type == other.type, "another type");
    require(entry.view.shape == other.shape, "another shape");
    require(data_of(entry.view) == data_of(other), "other data");
  }
}

// Of a file, or of a header up to the last } and the data behind it, which need their size in
// front: so that what a fuzzer changes does not always end with the size.
std::string file_of(Input& in, std::string_view bytes) {
  if (in.flag()) return std::string(bytes);
  std::string size(8, '\0');
  const std::size_t header = bytes.rfind('}') + 1;  // 0 where there is none
  for (std::size_t i = 0; i < sizeof(header); ++i) {
    size[i] = static_cast<char>(header >> (8 * i) & 0xFF);
  }
  return size.append(bytes);
}

}  // namespace
}  // namespace eigen_norm::test::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eigen_norm;
  using namespace eigen_norm::test::fuzz;
  if (size == 0) return 0;
  Input first(data, 1);
  const std::string file = file_of(first, {reinterpret_cast<const char*>(data) + 1, size - 1});
  Safetensors contents;
  try {
    contents = parsed(file);
  } catch (const std::runtime_error& error) {
    const std::string message = error.what();
    require(message.find("file: ") == 0, "a message without the file");
    require(message.find(": expected ") < message.size(), "a message without what was expected");
    require(message.find(", got ") < message.size(), "a message without what came");
    return 0;
  }
  require_all_of(file, contents);
  const std::string saved = io::serialize_safetensors(contents.state, contents.metadata);
  const Safetensors again = parsed(saved);
  require_same(contents, again);
  require(io::serialize_safetensors(again.state, again.metadata) == saved,
          "it saves to other bytes");
  return 0;
}
