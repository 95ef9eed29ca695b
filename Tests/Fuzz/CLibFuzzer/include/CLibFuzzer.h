// libFuzzer's driver where the program is linked with it (-sanitize=fuzzer), and a plain one elsewhere.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int (*clibfuzzer_input)(const uint8_t *data, size_t length);

// False where `clibfuzzer_run` cannot make inputs of its own.
bool clibfuzzer_is_linked(void);
// Runs libFuzzer with its own arguments. Returns the exit status.
int clibfuzzer_run(int *argc, char ***argv, clibfuzzer_input input);
