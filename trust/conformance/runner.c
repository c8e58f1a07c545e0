/* Asks one engine many inputs, from memory to memory. */
#include <stdint.h>

struct ts_conformance_job {
    int (*invoke)(void);
    void *(*input)(uint8_t index);
    const void *(*output)(uint8_t index);
    const uint8_t *inputs;
    uint8_t *outputs;
    uint32_t input_bytes;
    uint32_t output_bytes;
    uint32_t count;
};

enum { CHANGED_ITS_INPUT = 1000 };

int ts_conformance_run(const struct ts_conformance_job *job);

int ts_conformance_run(const struct ts_conformance_job *job) {
    const uint8_t *input = job->inputs;
    uint8_t *output = job->outputs;
    uint8_t *const engine_input = job->input(0);
    const uint8_t *const engine_output = job->output(0);
    for (uint32_t i = 0; i < job->count; i++) {
        for (uint32_t at = 0; at < job->input_bytes; at++) {
            engine_input[at] = input[at];
        }
        int const status = job->invoke();
        if (status != 0) {
            return status;
        }
        for (uint32_t at = 0; at < job->input_bytes; at++) {
            if (engine_input[at] != *input++) {
                return CHANGED_ITS_INPUT;
            }
        }
        for (uint32_t at = 0; at < job->output_bytes; at++) {
            *output++ = engine_output[at];
        }
    }
    return 0;
}
