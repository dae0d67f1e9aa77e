/*
 * void toy(input, output, workspace): stores the workspace's last word in an IT block, and
 * output[0] = 8 by an instruction that runs though the condition no longer holds.
 */
    .syntax unified
    .thumb
    .text
    .global toy
    .thumb_func
    .type toy, %function
toy:
    movs r3, #7
    cmp r3, #9
    it ne
    strne r3, [r2, #96]
    cmp r3, #7
    beq 1f
    nop
1:
    adds r3, #1
    strb r3, [r1]
    bx lr
    .size toy, . - toy
