// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace eigen_norm::test {

// Counts this thread's requests for heap memory while it lives, whichever way they come: new,
// malloc, Eigen's aligned allocations. Where the C library cannot be listened to, or a sanitizer
// does so already, `reason()` says why and a test has to be skipped; it is null otherwise.
class HeapCounter {
 public:
  static const char* reason();

  HeapCounter();
  ~HeapCounter();
  HeapCounter(const HeapCounter&) = delete;
  HeapCounter& operator=(const HeapCounter&) = delete;

  std::size_t requests() const;

 private:
  std::size_t before_;
};

// Requests made by one call.
template <typename Call>
std::size_t heap_requests(Call call) {
  const HeapCounter counter;
  call();
  return counter.requests();
}

}  // namespace eigen_norm::test
