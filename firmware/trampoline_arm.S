/* void call_on_stack(harness_entry *function, void *const arguments[3], void *stack_top) */
    .syntax unified
    .thumb
    .text
    .balign 4
    .global call_on_stack
    .thumb_func
    .type call_on_stack, %function
call_on_stack:
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
    .size call_on_stack, . - call_on_stack
