#pragma once
#include <jansson.h>

// Function-like macros do not reach Swift.

/* Compact; any value at the top; enough digits that 0.1 stays 0.1. */
static inline size_t cjansson_encode_flags(void) {
  return JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
}

static inline const char *cjansson_error_text(const json_error_t *error) { return error->text; }
