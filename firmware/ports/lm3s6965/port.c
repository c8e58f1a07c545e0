/* Boards with Luminary Micro's (later TI's) Stellaris LM3S6965. Register facts: its data sheet. */
#include "tinysine/port.h"
#include "../blocks/uart.h"
#include "../cortex_m/cortex_m.h"
#include "../cortex_m/soft_pwm.h"
#include "config.h"
#include "tinysine/fault.h"
#include "tinysine/register.h"

_Static_assert(TS_CLOCK_HZ == 50000000, "clock_hz of the board file: this port sets 50 MHz");

#define TS_SYSCTL_RIS   TS_REGISTER(0x400FE050)
#define TS_SYSCTL_RCC   TS_REGISTER(0x400FE060)
#define TS_SYSCTL_RCGC0 TS_REGISTER(0x400FE100)
#define TS_SYSCTL_RCGC1 TS_REGISTER(0x400FE104)
#define TS_SYSCTL_RCGC2 TS_REGISTER(0x400FE108)

#define TS_RIS_PLL_LOCKED   (1u << 6)
#define TS_RCC_SYSDIV_MASK  (0xFu << 23)
#define TS_RCC_SYSDIV_4     (3u << 23) /* of the PLL's 200 MHz */
#define TS_RCC_USE_SYSDIV   (1u << 22)
#define TS_RCC_PLL_OFF      (1u << 13)
#define TS_RCC_PLL_NO_OUT   (1u << 12)
#define TS_RCC_BYPASS       (1u << 11)
#define TS_RCC_SOURCE_MASK  (0xFu << 6 | 3u << 4 | 1u) /* crystal, oscillator, main oscillator off */
#define TS_RCC_CRYSTAL_8MHZ (0xEu << 6)
#define TS_RCGC0_WDT        (1u << 3)
#define TS_RCGC1_UART0      (1u << 0)

/* Ports A to D are not next to E to G. */
#define TS_GPIO(pin)                                                                                         \
    ((pin) / 16 < 4 ? 0x40004000u + 0x1000u * ((pin) / 16) : 0x40024000u + 0x1000u * ((pin) / 16 - 4))
#define TS_GPIO_BIT(pin) (1u << ((pin) % 16))
/* The data register's address selects the bits that a write reaches. */
#define TS_GPIO_DATA(pin)  TS_REGISTER(TS_GPIO(pin) + 4 * TS_GPIO_BIT(pin))
#define TS_GPIO_DIR(pin)   TS_REGISTER(TS_GPIO(pin) + 0x400)
#define TS_GPIO_AFSEL(pin) TS_REGISTER(TS_GPIO(pin) + 0x420)
#define TS_GPIO_DEN(pin)   TS_REGISTER(TS_GPIO(pin) + 0x51C)

/* The PLL locks within half a millisecond. */
#define TS_WAIT_LIMIT 100000

static void ts_lm3s_clock_start(void) {
    uint32_t rcc = (TS_SYSCTL_RCC | TS_RCC_BYPASS) & ~TS_RCC_USE_SYSDIV;
    TS_SYSCTL_RCC = rcc;
    rcc = (rcc & ~(TS_RCC_SOURCE_MASK | TS_RCC_PLL_OFF | TS_RCC_PLL_NO_OUT)) | TS_RCC_CRYSTAL_8MHZ;
    TS_SYSCTL_RCC = rcc;
    rcc = (rcc & ~TS_RCC_SYSDIV_MASK) | TS_RCC_SYSDIV_4 | TS_RCC_USE_SYSDIV;
    TS_SYSCTL_RCC = rcc;
    for (uint32_t i = 0; i < TS_WAIT_LIMIT && !(TS_SYSCTL_RIS & TS_RIS_PLL_LOCKED); i++) {
    }
    TS_SYSCTL_RCC = rcc & ~TS_RCC_BYPASS;
}

static void ts_lm3s_clock_on(volatile uint32_t *gate, uint32_t bits) {
    *gate |= bits;
    for (uint32_t i = 0; i < 3; i++) {
        (void)*gate; /* a block may be accessed three cycles after its clock came on */
    }
}

#ifdef TS_LED_PIN

#define TS_LED_GPIO_ON (1u << (TS_LED_PIN / 16))
#define TS_LED_PERIOD  (TS_CLOCK_HZ / 250)

static void ts_lm3s_led_show(bool lit) {
    TS_GPIO_DATA(TS_LED_PIN) = lit == TS_LED_ACTIVE_HIGH ? TS_GPIO_BIT(TS_LED_PIN) : 0;
}

static uint32_t ts_lm3s_millis(void) {
    uint32_t ms = ts_systick_millis();
    ts_soft_pwm_poll(ts_systick_seen(), TS_LED_PERIOD, ts_lm3s_led_show);
    return ms;
}

#else

#define TS_LED_GPIO_ON 0u
#define ts_lm3s_millis ts_systick_millis

#endif

/* The watchdog counts the core's clock down from 32 bits, which no other block does. Its interrupt starts it, and is
 * not enabled in the NVIC; without RESEN it resets nothing. Only a reset stops it. */
#define TS_WDT_LOAD  TS_REGISTER(0x40000000)
#define TS_WDT_VALUE TS_REGISTER(0x40000004)
#define TS_WDT_CTL   TS_REGISTER(0x40000008)
#define TS_WDT_INTEN (1u << 0)

static enum ts_counter ts_lm3s_counter_start(void) {
    ts_lm3s_clock_on(&TS_SYSCTL_RCGC0, TS_RCGC0_WDT);
    TS_WDT_LOAD = UINT32_MAX; /* from where it goes on at once */
    TS_WDT_CTL = TS_WDT_INTEN;
    return TS_COUNTER_TIMER;
}

static uint32_t ts_lm3s_counter_read(void) {
    return ~TS_WDT_VALUE;
}

static void ts_lm3s_counter_stop(void) {
}

static void ts_lm3s_init(void) {
    ts_stage(TS_STAGE_CLOCKS);
    ts_lm3s_clock_start();
    ts_systick_start();
    ts_stage(TS_STAGE_PORT);
    ts_lm3s_clock_on(&TS_SYSCTL_RCGC1, TS_RCGC1_UART0);
    ts_lm3s_clock_on(&TS_SYSCTL_RCGC2, 1u << (TS_UART_TX / 16) | 1u << (TS_UART_RX / 16) | TS_LED_GPIO_ON);
    ts_uart_init();
    TS_GPIO_AFSEL(TS_UART_TX) |= TS_GPIO_BIT(TS_UART_TX);
    TS_GPIO_DEN(TS_UART_TX) |= TS_GPIO_BIT(TS_UART_TX);
    TS_GPIO_AFSEL(TS_UART_RX) |= TS_GPIO_BIT(TS_UART_RX);
    TS_GPIO_DEN(TS_UART_RX) |= TS_GPIO_BIT(TS_UART_RX);
#ifdef TS_LED_PIN
    TS_GPIO_DIR(TS_LED_PIN) |= TS_GPIO_BIT(TS_LED_PIN);
    TS_GPIO_DATA(TS_LED_PIN) = TS_LED_ACTIVE_HIGH ? 0 : TS_GPIO_BIT(TS_LED_PIN);
    TS_GPIO_DEN(TS_LED_PIN) |= TS_GPIO_BIT(TS_LED_PIN);
#endif
}

const struct ts_port ts_port = {
    TS_CORTEX_PORT,
    .init = ts_lm3s_init,
#ifdef TS_LED_PIN
    .led = ts_soft_pwm_set,
#endif
    .millis = ts_lm3s_millis,
    .counter_start = ts_lm3s_counter_start,
    .counter_read = ts_lm3s_counter_read,
    .counter_stop = ts_lm3s_counter_stop,
};
