/* RISC-V's count of retired instructions. */
#include "harness.h"

static uint64_t start;

#define READ(name, value) __asm__ volatile(".option push\n.option arch, +zicsr\n" \
    "csrr %0, " name "\n.option pop" : "=r"(value))

static uint64_t minstret(void) {
#if __riscv_xlen == 64
    uint64_t count;
    READ("minstret", count);
    return count;
#else
    uint32_t low;
    uint32_t high;
    uint32_t high_again;
    do {
        READ("minstreth", high);
        READ("minstret", low);
        READ("minstreth", high_again);
    } while (high != high_again);
    return ((uint64_t)high << 32) | low;
#endif
}

void convgen_counter_start(void) {
    start = minstret();
}

uint64_t convgen_counter_read(void) {
    return minstret() - start;
}
