/*
 * Arm's CMSDK timer: 32 bits, counts down, starts again at the top. Its interrupt flag (never
 * taken) tells of one turn, so 2^33 ticks can be told apart: limit_ticks of its machines.
 */
#include "harness.h"

struct cmsdk_timer {
    volatile uint32_t control;
    volatile uint32_t value;
    volatile uint32_t reload;
    volatile uint32_t interrupt;
};

#define TIMER ((struct cmsdk_timer *)COUNTER_ADDRESS)
#define CONTROL_RUN_AND_FLAG 0x9u

void convgen_counter_start(void) {
    TIMER->control = 0;
    TIMER->reload = UINT32_MAX;
    TIMER->value = UINT32_MAX;
    TIMER->interrupt = 1;
    TIMER->control = CONTROL_RUN_AND_FLAG;
}

uint64_t convgen_counter_read(void) {
    const uint32_t elapsed = UINT32_MAX - TIMER->value;
    return ((uint64_t)(TIMER->interrupt & 1u) << 32) | elapsed;
}
