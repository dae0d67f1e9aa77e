/* convgen_call_on_stack, as harness.h declares it */
    .syntax unified
    .thumb
    .text
    .balign 4
    .global convgen_call_on_stack
    .thumb_func
    .type convgen_call_on_stack, %function
convgen_call_on_stack:
    push {r4, lr}
    mov r4, sp
    mov sp, r2
    mov r3, r0
    ldr r0, [r1, #0]
    ldr r2, [r1, #8]
    ldr r1, [r1, #4]
    blx r3
    mov sp, r4
    pop {r4, pc}
    .size convgen_call_on_stack, . - convgen_call_on_stack
