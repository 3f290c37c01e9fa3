// SPDX-License-Identifier: MIT
#include "support/heap.hpp"

#include <cerrno>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define EIGEN_NORM_TEST_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define EIGEN_NORM_TEST_SANITIZER
#endif
#endif

namespace {

thread_local std::size_t requests_so_far = 0;

}  // namespace

// glibc lets a program define malloc and its family anew and reach its own under other names; new,
// and Eigen's allocations, end in one of them.
#if defined(__GLIBC__) && !defined(EIGEN_NORM_TEST_SANITIZER)

extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
  ++requests_so_far;
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) {
  ++requests_so_far;
  return __libc_calloc(count, size);
}

void* realloc(void* old, std::size_t size) {
  ++requests_so_far;
  return __libc_realloc(old, size);
}

void* memalign(std::size_t alignment, std::size_t size) {
  ++requests_so_far;
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }

int posix_memalign(void** result, std::size_t alignment, std::size_t size) {
  *result = memalign(alignment, size);
  return *result == nullptr ? ENOMEM : 0;
}

}  // extern "C"

#endif

namespace eigen_norm::test {

const char* HeapCounter::reason() {
#if defined(EIGEN_NORM_TEST_SANITIZER)
  return "the sanitizer allocates for itself";
#elif !defined(__GLIBC__)
  return "only glibc lets a program count its allocations";
#else
  return nullptr;
#endif
}

HeapCounter::HeapCounter() : before_(requests_so_far) {}
HeapCounter::~HeapCounter() = default;
std::size_t HeapCounter::requests() const { return requests_so_far - before_; }

}  // namespace eigen_norm::test
