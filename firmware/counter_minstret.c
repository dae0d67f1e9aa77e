/* RISC-V's count of retired instructions, or of cycles. */
#include "harness.h"

#ifdef CONVGEN_COUNTS_CYCLES
#define COUNTER "mcycle"
#else
#define COUNTER "minstret"
#endif

static uint64_t start;

#define READ(name, value) __asm__ volatile(".option push\n.option arch, +zicsr\n" \
    "csrr %0, " name "\n.option pop" : "=r"(value))

static uint64_t count(void) {
#if __riscv_xlen == 64
    uint64_t value;
    READ(COUNTER, value);
    return value;
#else
    uint32_t low;
    uint32_t high;
    uint32_t high_again;
    do {
        READ(COUNTER "h", high);
        READ(COUNTER, low);
        READ(COUNTER "h", high_again);
    } while (high != high_again);
    return ((uint64_t)high << 32) | low;
#endif
}

void convgen_counter_start(void) {
#ifdef CONVGEN_COUNTS_CYCLES
    __asm__ volatile(".option push\n.option arch, +zicsr\n"
                     "csrw 0x320, zero\n.option pop"); /* mcountinhibit: some stop it to save power */
#endif
    start = count();
}

uint64_t convgen_counter_read(void) {
    return count() - start;
}
