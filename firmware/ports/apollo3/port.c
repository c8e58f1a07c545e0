/* Boards with Ambiq's Apollo3. Register facts: its CMSIS-SVD; orders and values: AmbiqSuiteSDK e280cbd. */
#include "tinysine/port.h"
#include "../blocks/uart.h"
#include "../cortex_m/cortex_m.h"
#include "apollo3.h"
#include "config.h"
#include "tinysine/fault.h"
#include "tinysine/register.h"

_Static_assert(TS_CLOCK_HZ == 48000000, "clock_hz of the board file: this port sets 48 MHz");

#define TS_CLKGEN_CLKKEY TS_REGISTER(0x40004014)
#define TS_CLKGEN_CCTRL  TS_REGISTER(0x40004018)
#define TS_CLKKEY_KEY    0x47
#define TS_CCTRL_HFRC    0 /* 48 MHz, undivided */

#define TS_CACHECFG        TS_REGISTER(0x40018000)
#define TS_CACHECFG_16KB   0x100780 /* both caches, one way of 1,024 lines, clocks gated when idle */
#define TS_CACHECFG_ENABLE 1u

#define TS_DEVPWREN          TS_REGISTER(0x40021008)
#define TS_DEVPWRSTATUS      TS_REGISTER(0x40021018)
#define TS_DEVPWREN_UART0    (1u << 7)
#define TS_DEVPWRSTATUS_HCPA (1u << 2) /* the domain that UART0 is in */

#define TS_UART_IFLS      TS_REGISTER(TS_UART_BASE + 0x034)
#define TS_UART_CR        TS_REGISTER(TS_UART_BASE + 0x030)
#define TS_UART_CR_CLKEN  (1u << 3)
#define TS_UART_CR_24MHZ  (1u << 4)
#define TS_UART_IFLS_HALF 0x12

#define TS_CHIPID0 0x40020004

/* The power comes within microseconds; a chip on which it never does must not hang without a word. */
#define TS_WAIT_LIMIT 100000

static void ts_apollo_clocks(void) {
    TS_CLKGEN_CLKKEY = TS_CLKKEY_KEY;
    TS_CLKGEN_CCTRL = TS_CCTRL_HFRC;
    TS_CLKGEN_CLKKEY = 0;
    TS_CACHECFG = TS_CACHECFG_16KB; /* configured first, enabled then: not in one write */
    TS_CACHECFG = TS_CACHECFG_16KB | TS_CACHECFG_ENABLE;
}

static void ts_apollo_uart(void) {
    TS_DEVPWREN |= TS_DEVPWREN_UART0;
    for (uint32_t i = 0; i < TS_WAIT_LIMIT && !(TS_DEVPWRSTATUS & TS_DEVPWRSTATUS_HCPA); i++) {
    }
    TS_UART_CR = 0; /* a loader may have used it */
    TS_UART_CR = TS_UART_CR_CLKEN;
    TS_UART_CR = TS_UART_CR_CLKEN | TS_UART_CR_24MHZ;
    TS_UART_IFLS = TS_UART_IFLS_HALF;
    ts_uart_init();
    TS_PADKEY = TS_PADKEY_KEY;
    ts_apollo_pad(TS_UART_TX, TS_PAD_UART0);
    ts_apollo_pad(TS_UART_RX, TS_PAD_UART0 | TS_PAD_INPUT);
    TS_PADKEY = 0;
}

static void ts_apollo_init(void) {
    ts_stage(TS_STAGE_CLOCKS);
    ts_apollo_clocks();
    ts_systick_start();
    ts_stage(TS_STAGE_PORT);
    ts_apollo_uart();
#ifdef TS_LED_PIN
    ts_apollo_led_init();
#endif
}

static void ts_apollo_unique_id(uint32_t id[2]) {
    ts_cortex_read_id(TS_CHIPID0, id);
}

const struct ts_port ts_port = {
    TS_CORTEX_PORT,
    .init = ts_apollo_init,
#ifdef TS_LED_PIN
    .led = ts_apollo_led,
#endif
    .millis = ts_systick_millis,
    TS_CORTEX_COUNTER,
    .unique_id = ts_apollo_unique_id,
};
