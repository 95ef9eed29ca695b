// Counts the calls of malloc, calloc and realloc on one thread, by the library that made them, and the bytes in use. Only
// in tests.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// False under a sanitizer, which brings its own malloc; then every count is 0.
extern const bool allocation_counter_works;
// Counts on this thread from now on, from zero, until `allocation_counter_end`.
void allocation_counter_begin(void);
void allocation_counter_end(void);
// What was counted last: calls by the places in the code that made them, and the file name of the library or program
// around such a place (NULL when unknown). Places beyond the table are counted together as the last one.
size_t allocation_counter_places(void);
uint64_t allocation_counter_calls(size_t place);
const char *allocation_counter_library(size_t place);
// Bytes that the process has allocated and not freed, with what the allocator needs itself.
size_t allocation_counter_bytes(void);
