/* The start of a Cortex-M4F. QEMU's loader fills .data and clears .bss. */
#include "start.h"

#include <stdint.h>

#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define CPACR_CP10_CP11 0xF00000u

enum operation { WRITE0 = 0x04, EXIT_EXTENDED = 0x20 };

extern uint8_t stack_top[];
void start(void);

static void request(enum operation operation, const void *argument) {
    register uintptr_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

static void leave(uintptr_t status) {
    const uintptr_t block[2] = {0x20026u, status};
    for (;;) {
        request(EXIT_EXTENDED, block);
    }
}

static void fault(void) {
    leave(99);
}

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[16] = {
    (uintptr_t)stack_top, (uintptr_t)start, (uintptr_t)fault, (uintptr_t)fault,
    (uintptr_t)fault,     (uintptr_t)fault, (uintptr_t)fault,
};

void print_bytes(const void *bytes, size_t count) {
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < count; i++) {
        const char digits[] = {"0123456789abcdef"[byte[i] >> 4], "0123456789abcdef"[byte[i] & 15u], 0};
        request(WRITE0, digits);
    }
    request(WRITE0, "\n");
}

void start(void) {
    CPACR |= CPACR_CP10_CP11;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    leave((uintptr_t)main());
}
