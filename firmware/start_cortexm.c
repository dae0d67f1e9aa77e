/*
 * Vectors, start and faults of a Cortex-M. The emulator's ELF loader, or the debugger, has filled
 * .data and cleared .bss, so nothing is copied here.
 */
#include "harness.h"

#define CCR (*(volatile uint32_t *)0xE000ED14u)
#define CCR_UNALIGN_TRP 0x8u
#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define CPACR_CP10_CP11 0xF00000u

#define MPU_CTRL (*(volatile uint32_t *)0xE000ED94u)
#define MPU_RNR (*(volatile uint32_t *)0xE000ED98u)
#define MPU_RBAR (*(volatile uint32_t *)0xE000ED9Cu)
#define MPU_RASR (*(volatile uint32_t *)0xE000EDA0u) /* from ARMv8-M on: RLAR */
#define MPU_MAIR0 (*(volatile uint32_t *)0xE000EDC0u)
#define MPU_ENABLE 0x1u
#define MPU_ELSE_DEFAULT_MAP 0x4u

extern uint8_t convgen_stack_top[];
extern uint8_t convgen_code_start[], convgen_code_end[];
extern uint8_t convgen_harness_start[], convgen_harness_end[];
extern uint8_t convgen_layer_start[], convgen_layer_end[];

void _start(void);
void convgen_fault(void);
void convgen_report_frame(const uint32_t *frame);

union vector {
    void *stack;
    void (*handler)(void);
};

bool convgen_is_privileged = true;

extern const union vector convgen_vectors[16];
__attribute__((section(".vectors"), used)) const union vector convgen_vectors[16] = {
    {.stack = convgen_stack_top},   {.handler = _start},
    {.handler = convgen_fault},     {.handler = convgen_fault}, /* NMI, HardFault */
    {.handler = convgen_fault},     {.handler = convgen_fault}, /* MemManage, BusFault */
    {.handler = convgen_fault},     {.handler = convgen_fault}, /* UsageFault, SecureFault */
    {.handler = convgen_fault},     {.handler = convgen_fault},
    {.handler = convgen_fault},     {.handler = convgen_fault},
    {.handler = convgen_fault},     {.handler = convgen_fault},
    {.handler = convgen_fault},     {.handler = convgen_fault},
};

#ifdef CONVGEN_ON_BOARD
#define VTOR (*(volatile const void *volatile *)0xE000ED08u)

/* Only what lies around it guards the layer's memory: of a chip it is no multiple of the MPU's. */
static void protect(void) {
    VTOR = convgen_vectors;
}
#else
/* A stack that overflows faults: nothing may write to the 1 MiB below the layer's memory. */
static void protect_below_layer(void) {
    const uint32_t bytes = 0x100000u;
    const uint32_t base = (uint32_t)convgen_layer_start - bytes;
    MPU_RNR = 0;
#if __ARM_ARCH >= 8
    const uint32_t read_only = 0x4u;
    MPU_RBAR = base | read_only;
    MPU_RASR = (base + bytes - 32u) | MPU_ENABLE;
#else
    const uint32_t log2_of_bytes_less_1 = 19;
    MPU_RBAR = base;
    MPU_RASR = (log2_of_bytes_less_1 << 1) | MPU_ENABLE; /* no access */
#endif
}

/* Nothing may write to the pages of code and constants. */
static void protect_code(void) {
    const uint32_t start = (uint32_t)convgen_code_start;
    const uint32_t last = (uint32_t)convgen_code_end - 1u;
    MPU_RNR = 1;
#if __ARM_ARCH >= 8
    const uint32_t read_only = 0x4u;
    const uint32_t normal_memory = 0x44u;
    MPU_MAIR0 = normal_memory;
    MPU_RBAR = (start & ~0xFFFu) | read_only;
    MPU_RASR = ((last | 0xFFFu) & ~31u) | MPU_ENABLE;
#else
    const uint32_t read_only = 0x06000000u;
    const uint32_t normal_memory = 0x00020000u;
    uint32_t log2_of_bytes = 12;
    while (start >> log2_of_bytes != last >> log2_of_bytes) {
        log2_of_bytes++;
    }
    MPU_RBAR = start >> log2_of_bytes << log2_of_bytes;
    MPU_RASR = read_only | normal_memory | ((log2_of_bytes - 1u) << 1) | MPU_ENABLE;
#endif
}

static void protect(void) {
    protect_below_layer();
    protect_code();
    MPU_CTRL = MPU_ENABLE | MPU_ELSE_DEFAULT_MAP;
}
#endif

void _start(void) {
    protect();
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#ifndef __ARM_FEATURE_UNALIGNED
    CCR |= CCR_UNALIGN_TRP; /* an ARMv6-M core faults; so must the larger core that plays it */
#endif
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    CPACR |= CPACR_CP10_CP11;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    convgen_port_exit(main());
}

/* The layer's stack may be what is broken, so the handler goes on with the harness's. */
__attribute__((naked)) void convgen_fault(void) {
    __asm__ volatile(
        "mrs r0, msp\n"
        "ldr r1, =convgen_stack_top\n"
        "mov sp, r1\n"
        "bl convgen_report_frame\n");
}

static bool holds(const uint8_t *start, const uint8_t *end, const uint32_t *frame) {
    return (uintptr_t)frame >= (uintptr_t)start && (uintptr_t)(frame + 8) <= (uintptr_t)end;
}

/* The frame holds r0-r3, r12, lr, pc, xpsr, if there was memory to write it to. */
__attribute__((used)) void convgen_report_frame(const uint32_t *frame) {
    const bool readable = holds(convgen_layer_start, convgen_layer_end, frame)
        || holds(convgen_harness_start, convgen_harness_end, frame);
    convgen_report_fault(readable ? frame[6] : 0, (uintptr_t)frame);
}
