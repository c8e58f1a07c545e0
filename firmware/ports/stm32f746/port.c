/* Boards with ST's STM32F746. */
#include "tinysine/port.h"
#include "../blocks/uart.h"
#include "../cortex_m/cortex_m.h"
#include "../cortex_m/soft_pwm.h"
#include "config.h"
#include "stm32f746.h"
#include "tinysine/fault.h"
#include "tinysine/register.h"

_Static_assert(TS_CLOCK_HZ == 216000000, "clock_hz of the board file: this port sets 216 MHz");

#define TS_RCC_DCKCFGR2     TS_REGISTER(0x40023890)
#define TS_DCKCFGR2_USART1  3u /* 0: APB2's clock, which follows the crystal */
#define TS_APB2ENR_USART1EN (1u << 4)
#define TS_AF_USART1        7u
#define TS_UNIQUE_ID        0x1FF0F420 /* 96 bits: RM0385, device electronic signature */

static void ts_stm32_uart(void) {
    TS_RCC_DCKCFGR2 &= ~TS_DCKCFGR2_USART1;
    ts_stm32_clock_on(&TS_RCC_APB2ENR, TS_APB2ENR_USART1EN);
    ts_uart_init();
    ts_stm32_pin_function(TS_UART_TX, TS_AF_USART1);
    ts_stm32_pin_pull(TS_UART_RX, TS_PULL_UP); /* an open RX pin must not look like somebody talking */
    ts_stm32_pin_function(TS_UART_RX, TS_AF_USART1);
}

#ifdef TS_LED_PIN

#define TS_LED_GPIO_ON (1u << (TS_LED_PIN / 16))

/* No timer reaches the LED's pin. 255 times 32 microseconds: 123 Hz, and every brightness is a whole number
 * of ticks. */
#define TS_LED_PERIOD (255 * (TS_CLOCK_HZ / 31250))

static void ts_stm32_led_show(bool lit) {
    TS_GPIO_BSRR(TS_LED_PIN) =
        lit == TS_LED_ACTIVE_HIGH ? TS_GPIO_SET(TS_LED_PIN) : TS_GPIO_CLEAR(TS_LED_PIN);
}

/* The application asks for the time whenever it is idle. */
static uint32_t ts_stm32_millis(void) {
    uint32_t ms = ts_systick_millis();
    ts_soft_pwm_poll(ts_systick_seen(), TS_LED_PERIOD, ts_stm32_led_show);
    return ms;
}

#else

#define TS_LED_GPIO_ON  0u
#define ts_stm32_millis ts_systick_millis

#endif

static void ts_stm32_init(void) {
    ts_stage(TS_STAGE_CLOCKS);
    ts_stm32_clocks_start();
    ts_stm32_caches_start();
    ts_systick_start();
    ts_stage(TS_STAGE_PORT);
    ts_stm32_clock_on(&TS_RCC_AHB1ENR, 1u << (TS_UART_TX / 16) | 1u << (TS_UART_RX / 16) | TS_LED_GPIO_ON);
    ts_stm32_uart();
#ifdef TS_LED_PIN
    ts_stm32_led_show(false);
    ts_stm32_pin_mode(TS_LED_PIN, TS_MODE_OUTPUT);
#endif
}

/* The middle of the 96 bits is what differs between chips of one lot and between lots. */
static void ts_stm32_unique_id(uint32_t id[2]) {
    ts_cortex_read_id(TS_UNIQUE_ID, id);
    id[1] ^= TS_REGISTER(TS_UNIQUE_ID + 8);
}

const struct ts_port ts_port = {
    TS_CORTEX_PORT,
    .init = ts_stm32_init,
#ifdef TS_LED_PIN
    .led = ts_soft_pwm_set,
#endif
    .millis = ts_stm32_millis,
    TS_CORTEX_COUNTER,
    .unique_id = ts_stm32_unique_id,
};
