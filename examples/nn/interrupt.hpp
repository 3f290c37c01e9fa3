// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>

namespace nn {

/// While it lives, Ctrl-C only asks the program to stop; the program looks at requested() where it
/// can. A second Ctrl-C ends it at once, as ever.
class Interrupt {
 public:
  Interrupt() : before_(std::signal(SIGINT, note)) { requested_ = 0; }
  ~Interrupt() { std::signal(SIGINT, before_); }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool requested() const { return requested_ != 0; }

 private:
  static void note(int signal) {
    requested_ = 1;
    std::signal(signal, SIG_DFL);
  }

  static inline volatile std::sig_atomic_t requested_ = 0;
  void (*before_)(int);
};

}  // namespace nn
