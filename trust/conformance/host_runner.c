/* Runs engines on this computer, one after another: for each the number of its inputs (4 bytes), then the inputs, from
 * standard input; outputs to standard output, back to back. */
#include <stdio.h>
#include <stdlib.h>

#include "tinysine/engine.h"

struct ts_runner_row {
    const struct ts_engine *engine;
    int (*init)(void);
    int (*invoke)(const void *input, void *output);
};

extern const struct ts_runner_row ts_runner_rows[];
extern const unsigned ts_runner_count;

static unsigned element_bytes(const struct ts_tensor *tensor) {
    return tensor->dtype == TS_FLOAT32 ? 4 : 1;
}

static int run(const struct ts_runner_row *row) {
    unsigned const input_bytes = row->engine->input.count * element_bytes(&row->engine->input);
    unsigned const output_bytes = row->engine->output.count * element_bytes(&row->engine->output);
    uint32_t count;
    /* Exactly as large as the contract says, so that a sanitizer sees a read or a write beyond. */
    void *const input = malloc(input_bytes);
    void *const output = malloc(output_bytes);
    int good = input != NULL && output != NULL && row->init() == TS_OK && fread(&count, 4, 1, stdin) == 1;
    for (uint32_t i = 0; good && i < count; i++) {
        good = fread(input, input_bytes, 1, stdin) == 1 && row->invoke(input, output) == TS_OK &&
               fwrite(output, output_bytes, 1, stdout) == 1;
    }
    free(input);
    free(output);
    return good;
}

int main(void) {
    for (unsigned i = 0; i < ts_runner_count; i++) {
        if (!run(&ts_runner_rows[i])) {
            return 1;
        }
    }
    return 0;
}
