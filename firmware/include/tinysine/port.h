/* What the firmware needs of a chip and its board. One structure, one implementation in ports/<chip>/. */
#ifndef TINYSINE_PORT_H
#define TINYSINE_PORT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ts_counter { TS_COUNTER_NONE, TS_COUNTER_DWT, TS_COUNTER_SYSTICK, TS_COUNTER_TIMER, TS_COUNTER_HOST_NS };

struct ts_port {
    const char *board; /* catalogue name, at most 15 characters are reported */

    /* Brings up clocks, link, LED and counter. The C environment (data, bss, stack) stands already. */
    void (*init)(void);

    /* One received byte, or -1 when none waits. Never blocks longer than a millisecond. */
    int (*read)(void);
    /* Sends one byte; blocks while the transmitter is full. */
    void (*write)(uint8_t byte);
    /* Blocks until all that was written is on the wire. */
    void (*flush)(void);
    /* Times that bytes were lost because the receiver was not read in time, since init. */
    uint32_t (*overruns)(void);

    /* Brightness, 0 dark to 255 full; NULL where there is no LED. */
    void (*led)(uint8_t brightness);

    /* Milliseconds since init, wrapping. Must be called at least once a 50 ms to keep count. */
    uint32_t (*millis)(void);

    /* The latency counter. counter_start may cost what it likes; counter_read is cheap, counts up and wraps
     * at 32 bits. counter_stop ends what start began. */
    enum ts_counter (*counter_start)(void);
    uint32_t (*counter_read)(void);
    void (*counter_stop)(void);
    uint32_t clock_hz;         /* core; 0 unknown */
    uint32_t counter_clock_hz; /* 0 unknown */

    void (*unique_id)(uint32_t id[2]); /* NULL where there is none */
    void (*reset)(void);               /* does not return on a chip */

    /* The stack that ts_app_run runs on: [bottom, top), word aligned, growing down. */
    uint32_t *stack_bottom;
    uint32_t *stack_top;
    /* data and bss, the stack not counted; 0xFFFFFFFF unknown */
    uint32_t (*static_ram_bytes)(void);
};

extern const struct ts_port ts_port;

#ifdef __cplusplus
}
#endif

#endif
