/* The system counter of Arm's SSE-300: 64 bits, counts up, can be set while it stands still. */
#include "harness.h"

struct sse_control {
    volatile uint32_t run;
    volatile uint32_t status;
    volatile uint32_t low;
    volatile uint32_t high;
};

#define CONTROL ((struct sse_control *)COUNTER_ADDRESS)

void convgen_counter_start(void) {
    CONTROL->run = 0;
    CONTROL->low = 0;
    CONTROL->high = 0;
    CONTROL->run = 1;
}

uint64_t convgen_counter_read(void) {
    const uint32_t low = CONTROL->low;
    return ((uint64_t)CONTROL->high << 32) | low;
}
