#include "CLibFuzzer.h"

// Weak: an ordinary build of the package has no libFuzzer, and needs none.
__attribute__((weak)) int LLVMFuzzerRunDriver(int *argc, char ***argv, clibfuzzer_input input);

static clibfuzzer_input run_input;

// libFuzzer brings a main function, which calls this and which nothing calls.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) { return run_input ? run_input(data, length) : -1; }

bool clibfuzzer_is_linked(void) { return LLVMFuzzerRunDriver != NULL; }

int clibfuzzer_run(int *argc, char ***argv, clibfuzzer_input input) {
  run_input = input;
  return LLVMFuzzerRunDriver ? LLVMFuzzerRunDriver(argc, argv, LLVMFuzzerTestOneInput) : 2;
}
