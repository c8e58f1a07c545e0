/* Asks one engine many inputs, from memory to memory. */
#include <stdint.h>

struct ts_conformance_job {
    int (*invoke)(const void *input, void *output);
    const uint8_t *inputs;
    uint8_t *outputs;
    uint32_t input_stride;
    uint32_t output_stride;
    uint32_t count;
};

int ts_conformance_run(const struct ts_conformance_job *job);

int ts_conformance_run(const struct ts_conformance_job *job) {
    const uint8_t *input = job->inputs;
    uint8_t *output = job->outputs;
    for (uint32_t i = 0; i < job->count; i++) {
        int const status = job->invoke(input, output);
        if (status != 0) {
            return status;
        }
        input += job->input_stride;
        output += job->output_stride;
    }
    return 0;
}
