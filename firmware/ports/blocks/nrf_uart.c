/* Nordic's UART without DMA, the same block in nRF51 and nRF52. It has six bytes of receive FIFO: at 115,200
 * baud half a millisecond may pass between two reads. */
#include <stdbool.h>

#include "config.h"
#include "tinysine/register.h"
#include "uart.h"

#define TS_UART_STARTRX  TS_REGISTER(TS_UART_BASE + 0x000)
#define TS_UART_STARTTX  TS_REGISTER(TS_UART_BASE + 0x008)
#define TS_UART_RXDRDY   TS_REGISTER(TS_UART_BASE + 0x108)
#define TS_UART_TXDRDY   TS_REGISTER(TS_UART_BASE + 0x11C)
#define TS_UART_ERROR    TS_REGISTER(TS_UART_BASE + 0x124)
#define TS_UART_ERRORSRC TS_REGISTER(TS_UART_BASE + 0x480)
#define TS_UART_ENABLE   TS_REGISTER(TS_UART_BASE + 0x500)
#define TS_UART_PSELTXD  TS_REGISTER(TS_UART_BASE + 0x50C)
#define TS_UART_PSELRXD  TS_REGISTER(TS_UART_BASE + 0x514)
#define TS_UART_RXD      TS_REGISTER(TS_UART_BASE + 0x518)
#define TS_UART_TXD      TS_REGISTER(TS_UART_BASE + 0x51C)
#define TS_UART_BAUDRATE TS_REGISTER(TS_UART_BASE + 0x524)
#define TS_UART_CONFIG   TS_REGISTER(TS_UART_BASE + 0x56C)

#if TS_UART_BAUD == 115200
#define TS_UART_BAUDRATE_VALUE 0x01D7E000
#elif TS_UART_BAUD == 230400
#define TS_UART_BAUDRATE_VALUE 0x03AFB000
#elif TS_UART_BAUD == 1000000
#define TS_UART_BAUDRATE_VALUE 0x10000000
#else
#error "TS_UART_BAUD: this block knows 115200, 230400 and 1000000"
#endif

static bool ts_uart_sending;
static uint32_t ts_uart_overrun_count;

void ts_uart_init(void) {
    TS_UART_PSELTXD = TS_UART_TX;
    TS_UART_PSELRXD = TS_UART_RX;
    TS_UART_BAUDRATE = TS_UART_BAUDRATE_VALUE;
    TS_UART_CONFIG = 0; /* no parity, no flow control */
    TS_UART_ENABLE = 4;
    TS_UART_RXDRDY = 0;
    TS_UART_TXDRDY = 0;
    TS_UART_ERROR = 0;
    TS_UART_STARTTX = 1;
    TS_UART_STARTRX = 1;
}

static void ts_uart_check_errors(void) {
    if (TS_UART_ERROR) {
        TS_UART_ERROR = 0;
        uint32_t source = TS_UART_ERRORSRC;
        TS_UART_ERRORSRC = source; /* ones clear */
        ts_uart_overrun_count += source & 1;
    }
}

int ts_uart_read(void) {
    if (!TS_UART_RXDRDY) {
        return -1;
    }
    /* Before RXD is read: the next byte may come in between, and its event must not be lost. */
    TS_UART_RXDRDY = 0;
    return (int)(TS_UART_RXD & 0xff);
}

void ts_uart_flush(void) {
    if (ts_uart_sending) {
        while (!TS_UART_TXDRDY) {
        }
        TS_UART_TXDRDY = 0;
        ts_uart_sending = false;
    }
}

void ts_uart_write(uint8_t byte) {
    ts_uart_flush();
    ts_uart_sending = true;
    TS_UART_TXD = byte;
}

uint32_t ts_uart_overruns(void) {
    ts_uart_check_errors();
    return ts_uart_overrun_count;
}
