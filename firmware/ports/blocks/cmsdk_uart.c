/* The UART of Arm's Cortex-M System Design Kit: one byte of buffer each way, so that at 115,200 baud 87
 * microseconds may pass between two reads. */
#include "config.h"
#include "tinysine/register.h"
#include "uart.h"

#define TS_UART_DATA    TS_REGISTER(TS_UART_BASE + 0x000)
#define TS_UART_STATE   TS_REGISTER(TS_UART_BASE + 0x004)
#define TS_UART_CTRL    TS_REGISTER(TS_UART_BASE + 0x008)
#define TS_UART_BAUDDIV TS_REGISTER(TS_UART_BASE + 0x010)

#define TS_UART_STATE_TX_FULL    (1u << 0)
#define TS_UART_STATE_RX_FULL    (1u << 1)
#define TS_UART_STATE_RX_OVERRUN (1u << 3)
#define TS_UART_CTRL_TX_RX       3u /* both enabled, no interrupts */

#define TS_UART_DIVISOR ((TS_UART_CLOCK_HZ + TS_UART_BAUD / 2) / TS_UART_BAUD)
#define TS_UART_BITS    10 /* of a byte on the wire */

static uint32_t ts_uart_overrun_count;

void ts_uart_init(void) {
    TS_UART_BAUDDIV = TS_UART_DIVISOR;
    TS_UART_STATE = TS_UART_STATE_RX_OVERRUN; /* ones clear */
    TS_UART_CTRL = TS_UART_CTRL_TX_RX;
}

int ts_uart_read(void) {
    return TS_UART_STATE & TS_UART_STATE_RX_FULL ? (int)(TS_UART_DATA & 0xff) : -1;
}

void ts_uart_write(uint8_t byte) {
    while (TS_UART_STATE & TS_UART_STATE_TX_FULL) {
    }
    TS_UART_DATA = byte;
}

void ts_uart_flush(void) {
    while (TS_UART_STATE & TS_UART_STATE_TX_FULL) {
    }
    /* No flag tells when the last byte has left the shift register. A turn takes four of its clocks or more:
     * a read over the bus, a comparison and a branch. */
    for (uint32_t i = 0; i < TS_UART_BITS * TS_UART_DIVISOR / 4; i++) {
        (void)TS_UART_STATE;
    }
}

uint32_t ts_uart_overruns(void) {
    if (TS_UART_STATE & TS_UART_STATE_RX_OVERRUN) {
        TS_UART_STATE = TS_UART_STATE_RX_OVERRUN;
        ts_uart_overrun_count++;
    }
    return ts_uart_overrun_count;
}
