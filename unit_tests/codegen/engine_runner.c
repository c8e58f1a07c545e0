/* Runs an engine on this computer: inputs from standard input, outputs to standard output, back to back. */
#include <stdio.h>
#include <stdlib.h>

#include "tinysine/engine.h"

static unsigned element_bytes(const struct ts_tensor *tensor) {
    return tensor->dtype == TS_FLOAT32 ? 4 : 1;
}

int main(void) {
    unsigned const input_bytes = ts_engine.input.count * element_bytes(&ts_engine.input);
    unsigned const output_bytes = ts_engine.output.count * element_bytes(&ts_engine.output);
    /* Exactly as large as the contract says, so that a sanitizer sees a read or a write beyond. */
    void *const input = malloc(input_bytes);
    void *const output = malloc(output_bytes);
    if (input == NULL || output == NULL || ts_engine_init() != TS_OK) {
        return 1;
    }
    while (fread(input, input_bytes, 1, stdin) == 1) {
        if (ts_engine_invoke(input, output) != TS_OK || fwrite(output, output_bytes, 1, stdout) != 1) {
            return 1;
        }
    }
    free(input);
    free(output);
    return 0;
}
