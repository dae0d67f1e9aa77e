/*
 * What a function must leave as it found it: the callee-saved registers and control bits of the
 * calling convention, and where the port is privileged what masks interrupts. Before a call
 * trampoline_*.S puts what `convgen_given` holds into them, or keeps there what must not change;
 * after it what it finds is in `convgen_found`. The order is the trampoline's.
 */
#include "harness.h"

struct kept {
    const char *name;
    uintptr_t bits; /* those that count */
    bool privileged; /* user mode cannot read it */
};

#define BITS(name, bits) {name, bits, false}
#define WHOLE(name) {name, UINTPTR_MAX, false}
#define PRIVILEGED(name, bits) {name, bits, true}

static const struct kept registers[] = {
#if defined(__arm__)
    WHOLE("r4"), WHOLE("r5"), WHOLE("r6"), WHOLE("r7"),
    WHOLE("r8"), WHOLE("r9"), WHOLE("r10"), WHOLE("r11"), WHOLE("sp"),
    PRIVILEGED("PRIMASK", 1), PRIVILEGED("CONTROL", 3),
#if __ARM_ARCH_ISA_THUMB > 1
    PRIVILEGED("BASEPRI", 0xFF), PRIVILEGED("FAULTMASK", 1),
#endif
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    WHOLE("s16"), WHOLE("s17"), WHOLE("s18"), WHOLE("s19"),
    WHOLE("s20"), WHOLE("s21"), WHOLE("s22"), WHOLE("s23"),
    WHOLE("s24"), WHOLE("s25"), WHOLE("s26"), WHOLE("s27"),
    WHOLE("s28"), WHOLE("s29"), WHOLE("s30"), WHOLE("s31"),
    BITS("FPSCR", 0x07FF0000), /* rounding, flushing, vector lengths; not flags */
#endif
#elif defined(__riscv)
    WHOLE("gp"), WHOLE("tp"), WHOLE("sp"), WHOLE("s0"), WHOLE("s1"),
#if !defined(__riscv_32e) && !defined(__riscv_e)
    WHOLE("s2"), WHOLE("s3"), WHOLE("s4"), WHOLE("s5"), WHOLE("s6"),
    WHOLE("s7"), WHOLE("s8"), WHOLE("s9"), WHOLE("s10"), WHOLE("s11"),
#endif
    PRIVILEGED("mstatus", 0xE19AA), /* interrupts and privilege; not which registers are dirty */
    PRIVILEGED("mie", UINTPTR_MAX),
    PRIVILEGED("mtvec", UINTPTR_MAX),
#if defined(__riscv_flen)
    WHOLE("frm"),
#if __riscv_flen > __riscv_xlen
#define FLOATING(name) WHOLE(name), WHOLE(name)
#elif __riscv_flen < __riscv_xlen
#define FLOATING(name) BITS(name, UINT32_MAX)
#else
#define FLOATING(name) WHOLE(name)
#endif
    FLOATING("fs0"), FLOATING("fs1"), FLOATING("fs2"), FLOATING("fs3"),
    FLOATING("fs4"), FLOATING("fs5"), FLOATING("fs6"), FLOATING("fs7"),
    FLOATING("fs8"), FLOATING("fs9"), FLOATING("fs10"), FLOATING("fs11"),
#endif
#if defined(__riscv_vector)
    WHOLE("vstart"), /* nought where a function begins and where it ends */
#endif
#elif defined(__x86_64__)
    WHOLE("rbx"), WHOLE("rbp"), WHOLE("r12"), WHOLE("r13"),
    WHOLE("r14"), WHOLE("r15"), WHOLE("rsp"),
    BITS("DF", 0x400), /* of rflags */
    BITS("MXCSR", 0xFFC0),
    BITS("x87_control", 0xFFFF),
#elif defined(__aarch64__)
    WHOLE("x19"), WHOLE("x20"), WHOLE("x21"), WHOLE("x22"), WHOLE("x23"),
    WHOLE("x24"), WHOLE("x25"), WHOLE("x26"), WHOLE("x27"), WHOLE("x28"),
    WHOLE("x29"), WHOLE("sp"),
    WHOLE("d8"), WHOLE("d9"), WHOLE("d10"), WHOLE("d11"),
    WHOLE("d12"), WHOLE("d13"), WHOLE("d14"), WHOLE("d15"),
    WHOLE("FPCR"),
#endif
};

/* start_*.c and start_*.S say so where a program may mask interrupts. */
__attribute__((weak)) bool convgen_is_privileged; /* not const: the compiler would know its value */

enum { COUNT = sizeof registers / sizeof registers[0] };

__attribute__((aligned(8))) uintptr_t convgen_given[COUNT], convgen_found[COUNT];

/* Each register gets a number of its own, and every bit the opposite in the next call. */
void convgen_registers_give(void) {
    static uintptr_t flipped;
    uintptr_t number = 0;
    for (size_t i = 0; i < COUNT; i++) {
        number += (uintptr_t)0x9E3779B97F4A7C15u;
        convgen_given[i] = number ^ flipped;
    }
    flipped = ~flipped;
}

const char *convgen_registers_lost(size_t *from) {
    while (*from < COUNT) {
        const size_t i = (*from)++;
        const struct kept *const kept = &registers[i];
        const bool known = convgen_is_privileged || !kept->privileged;
        if (known && ((convgen_given[i] ^ convgen_found[i]) & kept->bits) != 0) {
            return kept->name;
        }
    }
    return NULL;
}
