#pragma once
#include <jansson.h>

// A C array of characters reaches Swift as a tuple.
static inline const char *cjansson_error_text(const json_error_t *error) { return error->text; }
