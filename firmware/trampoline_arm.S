/*
 * convgen_call_on_stack, as harness.h declares it; what must be the same after the call, in the
 * order of registers.c. Only instructions that every Cortex-M has, but for what is conditional.
 */
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
#define HAS_FLOATING 1
#endif
    .syntax unified
    .thumb
    .text
    .balign 4
    .global convgen_call_on_stack
    .global convgen_calls, convgen_returned
    .thumb_func
    .type convgen_call_on_stack, %function
convgen_call_on_stack:
    push {r4-r7, lr}
    mov r4, r8
    mov r5, r9
    mov r6, r10
    mov r7, r11
    push {r4-r7}
#ifdef HAS_FLOATING
    vpush {s16-s31}
    vmrs r3, fpscr
    push {r3}
#endif
    ldr r3, =kept_sp
    mov r4, sp
    str r4, [r3]
    mov r12, r0

    ldr r3, =convgen_given
    str r2, [r3, #32]
    adds r3, #36
    ldr r4, =convgen_is_privileged
    ldrb r4, [r4]
    cmp r4, #0
    beq 1f
    ldr r4, [r3, #0]
    msr primask, r4
    mrs r4, control
    str r4, [r3, #4]
#if __ARM_ARCH_ISA_THUMB > 1
    ldr r4, [r3, #8]
    msr basepri, r4
    mrs r4, basepri
    str r4, [r3, #8]
    mrs r4, faultmask
    str r4, [r3, #12]
#endif
1:
#ifdef HAS_FLOATING
    adds r3, #16
    vldmia r3!, {s16-s31}
#ifdef __ARM_FEATURE_MVE
    ldr r4, [r3]
    vmsr p0, r4 /* nothing is promised of it */
#endif
    vmrs r4, fpscr
    str r4, [r3]
#endif
    ldr r3, =convgen_given + 16
    ldmia r3!, {r4-r7}
    mov r8, r4
    mov r9, r5
    mov r10, r6
    mov r11, r7
    subs r3, #32
    ldmia r3!, {r4-r7}
    mov sp, r2
    ldr r0, [r1, #0]
    ldr r2, [r1, #8]
    ldr r3, [r1, #12]
    ldr r1, [r1, #4]
convgen_calls:
    blx r12
convgen_returned:
    ldr r3, =convgen_found
    stmia r3!, {r4-r7}
    mov r4, r8
    mov r5, r9
    mov r6, r10
    mov r7, r11
    stmia r3!, {r4-r7}
    mov r4, sp
    stmia r3!, {r4}
    ldr r4, =convgen_is_privileged
    ldrb r4, [r4]
    cmp r4, #0
    beq 2f
    movs r5, #0
    mrs r4, primask
    str r4, [r3, #0]
    mrs r4, control
    str r4, [r3, #4]
#if __ARM_ARCH_ISA_THUMB > 1
    mrs r4, basepri
    str r4, [r3, #8]
    msr basepri, r5
    mrs r4, faultmask
    str r4, [r3, #12]
    msr faultmask, r5
#endif
    msr primask, r5
2:
#ifdef HAS_FLOATING
    adds r3, #16
    vstmia r3!, {s16-s31}
    vmrs r4, fpscr
    str r4, [r3]
#endif
    ldr r3, =kept_sp
    ldr r3, [r3]
    mov sp, r3
#ifdef HAS_FLOATING
    pop {r3}
    vmsr fpscr, r3
    vpop {s16-s31}
#endif
    pop {r4-r7}
    mov r8, r4
    mov r9, r5
    mov r10, r6
    mov r11, r7
    pop {r4-r7, pc}
    .ltorg
    .size convgen_call_on_stack, . - convgen_call_on_stack

    .local kept_sp
    .comm kept_sp, 4, 4
