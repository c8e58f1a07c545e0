/* Runs engines on this computer, one after another: for each the number of its inferences (4 bytes), then for each
 * inference all inputs, from standard input; all outputs of each to standard output, back to back. */
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

static int ask(const struct ts_runner_row *row, unsigned char *asked) {
    size_t at = 0;
    for (uint8_t i = 0; i < row->engine->input_count; i++) {
        size_t const bytes = row->engine->inputs[i].bytes;
        if (fread(asked + at, bytes, 1, stdin) != 1) {
            return 0;
        }
        memcpy(row->input(i), asked + at, bytes);
        at += bytes;
    }
    return 1;
}

/* The engine must leave its inputs as they are. */
static int answer(const struct ts_runner_row *row, const unsigned char *asked) {
    size_t at = 0;
    for (uint8_t i = 0; i < row->engine->input_count; i++) {
        size_t const bytes = row->engine->inputs[i].bytes;
        if (memcmp(row->input(i), asked + at, bytes) != 0) {
            return 0;
        }
        at += bytes;
    }
    for (uint8_t i = 0; i < row->engine->output_count; i++) {
        if (fwrite(row->output(i), row->engine->outputs[i].bytes, 1, stdout) != 1) {
            return 0;
        }
    }
    return 1;
}

static int run(const struct ts_runner_row *row) {
    size_t input_bytes = 0;
    uint32_t count;
    for (uint8_t i = 0; i < row->engine->input_count; i++) {
        input_bytes += row->engine->inputs[i].bytes;
    }
    unsigned char *const asked = malloc(input_bytes);
    int good = asked != NULL && row->init() == TS_OK && fread(&count, 4, 1, stdin) == 1;
    for (uint32_t i = 0; good && i < count; i++) {
        good = ask(row, asked) && row->invoke() == TS_OK && answer(row, asked);
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
