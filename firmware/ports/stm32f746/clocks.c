/* From the internal oscillator to 216 MHz. Values and order: STM32CubeF7's template for it, RM0385. */
#include "stm32f746.h"

#define TS_RCC_CR      TS_REGISTER(0x40023800)
#define TS_RCC_PLLCFGR TS_REGISTER(0x40023804)
#define TS_RCC_CFGR    TS_REGISTER(0x40023808)
#define TS_PWR_CR1     TS_REGISTER(0x40007000)
#define TS_PWR_CSR1    TS_REGISTER(0x40007004)
#define TS_FLASH_ACR   TS_REGISTER(0x40023C00)

#define TS_CR_HSION      (1u << 0)
#define TS_CR_HSIRDY     (1u << 1)
#define TS_CR_HSEON      (1u << 16)
#define TS_CR_HSERDY     (1u << 17)
#define TS_CR_PLLON      (1u << 24)
#define TS_CR_PLLRDY     (1u << 25)
#define TS_PLLCFGR_216   0x29406C19 /* HSE 25 MHz / 25 * 432 / 2; Q 9 */
#define TS_APB1ENR_PWREN (1u << 28)
#define TS_CR1_ODEN      (1u << 16)
#define TS_CR1_ODSWEN    (1u << 17)
#define TS_CSR1_ODRDY    (1u << 16)
#define TS_CSR1_ODSWRDY  (1u << 17)
#define TS_ACR_LATENCY_7 7u
#define TS_ACR_PRFTEN    (1u << 8)
#define TS_ACR_ARTEN     (1u << 9)
#define TS_CFGR_SW       3u
#define TS_CFGR_SW_PLL   2u
#define TS_CFGR_SWS      (3u << 2)
#define TS_CFGR_SWS_PLL  (2u << 2)
#define TS_CFGR_DIVIDERS (0xFu << 4 | 7u << 10 | 7u << 13)
#define TS_CFGR_APB1_4   (5u << 10)
#define TS_CFGR_APB2_2   (4u << 13)

/* A crystal takes some milliseconds; one that never starts must not hang the board without a word. */
#define TS_WAIT_LIMIT 1000000

static void ts_stm32_wait(volatile uint32_t *at, uint32_t mask, uint32_t value) {
    for (uint32_t i = 0; i < TS_WAIT_LIMIT && (*at & mask) != value; i++) {
    }
}

/* A debugger or loader may have set up its own clocks, and the PLL's factors only change while it is off. */
static void ts_stm32_back_to_internal(void) {
    TS_RCC_CR |= TS_CR_HSION;
    ts_stm32_wait(&TS_RCC_CR, TS_CR_HSIRDY, TS_CR_HSIRDY);
    TS_RCC_CFGR &= ~TS_CFGR_SW;
    ts_stm32_wait(&TS_RCC_CFGR, TS_CFGR_SWS, 0);
    TS_RCC_CR &= ~TS_CR_PLLON;
    ts_stm32_wait(&TS_RCC_CR, TS_CR_PLLRDY, 0);
}

static void ts_stm32_overdrive(void) {
    ts_stm32_clock_on(&TS_RCC_APB1ENR, TS_APB1ENR_PWREN);
    TS_PWR_CR1 |= TS_CR1_ODEN;
    ts_stm32_wait(&TS_PWR_CSR1, TS_CSR1_ODRDY, TS_CSR1_ODRDY);
    TS_PWR_CR1 |= TS_CR1_ODSWEN;
    ts_stm32_wait(&TS_PWR_CSR1, TS_CSR1_ODSWRDY, TS_CSR1_ODSWRDY);
}

void ts_stm32_clocks_start(void) {
    ts_stm32_back_to_internal();
    TS_RCC_CR |= TS_CR_HSEON;
    ts_stm32_wait(&TS_RCC_CR, TS_CR_HSERDY, TS_CR_HSERDY);
    TS_RCC_PLLCFGR = TS_PLLCFGR_216;
    TS_RCC_CR |= TS_CR_PLLON;
    ts_stm32_wait(&TS_RCC_CR, TS_CR_PLLRDY, TS_CR_PLLRDY);
    ts_stm32_overdrive();
    TS_FLASH_ACR = TS_ACR_LATENCY_7 | TS_ACR_PRFTEN | TS_ACR_ARTEN;
    ts_stm32_wait(&TS_FLASH_ACR, TS_ACR_LATENCY_7, TS_ACR_LATENCY_7);
    /* The buses' dividers before the switch: their limits hold at every moment. */
    TS_RCC_CFGR = (TS_RCC_CFGR & ~TS_CFGR_DIVIDERS) | TS_CFGR_APB1_4 | TS_CFGR_APB2_2;
    TS_RCC_CFGR |= TS_CFGR_SW_PLL;
    ts_stm32_wait(&TS_RCC_CFGR, TS_CFGR_SWS, TS_CFGR_SWS_PLL);
}
