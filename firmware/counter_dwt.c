/*
 * The cycle counter of a Cortex-M, 32 bits. On a core without one, and on boards of emulators, it
 * stands still.
 */
#include "harness.h"

#define DEMCR (*(volatile uint32_t *)0xE000EDFCu)
#define DEMCR_TRCENA 0x1000000u
#define DWT_CTRL (*(volatile uint32_t *)0xE0001000u)
#define DWT_CYCCNT (*(volatile uint32_t *)0xE0001004u)
#define DWT_LAR (*(volatile uint32_t *)0xE0001FB0u)
#define LAR_UNLOCK 0xC5ACCE55u
#define CTRL_CYCCNTENA 0x1u

void convgen_counter_start(void) {
    DEMCR |= DEMCR_TRCENA;
    DWT_LAR = LAR_UNLOCK; /* a Cortex-M7's is locked */
    DWT_CTRL |= CTRL_CYCCNTENA;
    DWT_CYCCNT = 0;
}

uint64_t convgen_counter_read(void) {
    return DWT_CYCCNT;
}
