/* Asks one engine many inputs, from memory to memory. */
#include <stdint.h>

/* All values of one input or output, one inference after another. */
struct ts_conformance_end {
    uint8_t *values;
    uint32_t bytes; /* of one inference */
};

struct ts_conformance_job {
    int (*invoke)(void);
    void *(*input)(uint8_t index);
    const void *(*output)(uint8_t index);
    uint32_t count; /* of inferences */
    uint32_t input_count;
    uint32_t output_count;
    struct ts_conformance_end ends[]; /* inputs, then outputs */
};

enum { CHANGED_ITS_INPUT = 1000 };

int ts_conformance_run(const struct ts_conformance_job *job);

int ts_conformance_run(const struct ts_conformance_job *job) {
    for (uint32_t i = 0; i < job->count; i++) {
        const struct ts_conformance_end *end = job->ends;
        for (uint32_t index = 0; index < job->input_count; index++, end++) {
            uint8_t *const input = job->input((uint8_t)index);
            for (uint32_t at = 0; at < end->bytes; at++) {
                input[at] = end->values[i * end->bytes + at];
            }
        }
        int const status = job->invoke();
        if (status != 0) {
            return status;
        }
        end = job->ends;
        for (uint32_t index = 0; index < job->input_count; index++, end++) {
            const uint8_t *const input = job->input((uint8_t)index);
            for (uint32_t at = 0; at < end->bytes; at++) {
                if (input[at] != end->values[i * end->bytes + at]) {
                    return CHANGED_ITS_INPUT;
                }
            }
        }
        for (uint32_t index = 0; index < job->output_count; index++, end++) {
            const uint8_t *const output = job->output((uint8_t)index);
            for (uint32_t at = 0; at < end->bytes; at++) {
                end->values[i * end->bytes + at] = output[at];
            }
        }
    }
    return 0;
}
