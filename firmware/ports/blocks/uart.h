/* A serial block, driven by polling. One is compiled into an image; the port has set up the pins. */
#ifndef TINYSINE_UART_H
#define TINYSINE_UART_H

#include <stdint.h>

void ts_uart_init(void);
int ts_uart_read(void);           /* a byte, or -1 */
void ts_uart_write(uint8_t byte); /* waits while the transmitter is full */
void ts_uart_flush(void);         /* waits until the last bit has left */
uint32_t ts_uart_overruns(void);  /* times that bytes were lost */

#endif
