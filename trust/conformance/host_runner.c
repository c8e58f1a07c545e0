/* Runs engines on this computer, one after another: for each the number of its inputs (4 bytes), then the inputs, from
 * standard input; outputs to standard output, back to back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tinysine/engine.h"

struct ts_runner_row {
    const struct ts_engine *engine;
    int (*init)(void);
    void *(*input)(uint8_t index);
    const void *(*output)(uint8_t index);
    int (*invoke)(void);
};

extern const struct ts_runner_row ts_runner_rows[];
extern const unsigned ts_runner_count;

static int run(const struct ts_runner_row *row) {
    size_t const input_bytes = row->engine->inputs->bytes;
    size_t const output_bytes = row->engine->outputs->bytes;
    uint32_t count;
    void *const asked = malloc(input_bytes);
    int good = asked != NULL && row->init() == TS_OK && fread(&count, 4, 1, stdin) == 1;
    for (uint32_t i = 0; good && i < count; i++) {
        good = fread(asked, input_bytes, 1, stdin) == 1;
        memcpy(row->input(0), asked, input_bytes);
        good = good && row->invoke() == TS_OK && memcmp(row->input(0), asked, input_bytes) == 0 &&
               fwrite(row->output(0), output_bytes, 1, stdout) == 1;
    }
    free(asked);
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
