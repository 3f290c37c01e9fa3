# SPDX-License-Identifier: MIT
# Runs `program` and compares what it prints with the file `expected`, where the document shows it.
execute_process(COMMAND ${program} OUTPUT_VARIABLE printed COMMAND_ECHO STDOUT
                        COMMAND_ERROR_IS_FATAL ANY)
if(EXISTS ${expected})
  file(READ ${expected} shown)
  if(NOT printed STREQUAL shown)
    message(FATAL_ERROR "The document shows\n${shown}\nbut the program prints\n${printed}")
  endif()
endif()
