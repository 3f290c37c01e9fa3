// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>   // std::fputs, where there are no exceptions
#include <cstdlib>  // std::abort, where there are no exceptions
#include <stdexcept>
#include <string>

#include "eigen_norm/memory/abi.hpp"

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

/// Throws `Error(message)`: the one place of the library that does. Compiled without exceptions it
/// prints the message and aborts.
template <typename Error>
[[noreturn]] inline void raise(const std::string& message) {
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
  throw Error(message);
#else
  std::fputs((message + "\n").c_str(), stderr);
  std::abort();
#endif
}

/// Bad input at the API edge.
[[noreturn]] inline void raise_invalid(const std::string& message) {
  raise<std::invalid_argument>(message);
}

/// A call that comes at the wrong time, such as backward before forward.
[[noreturn]] inline void raise_logic(const std::string& message) {
  raise<std::logic_error>(message);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory
