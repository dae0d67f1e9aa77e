/* void toy(input, output, workspace): 2 * n + 5 instructions, n = input[0] + 256 * input[1] + 1 */
#if defined(__arm__)
    .syntax unified
    .thumb
    .text
    .global toy
    .thumb_func
    .type toy, %function
toy:
    ldrh r3, [r0]
    adds r3, #1
    movs r2, #0
    strb r2, [r1]
1:
    subs r3, #1
    bne 1b
    bx lr
#else
    .text
    .global toy
    .type toy, @function
toy:
    lhu t0, 0(a0)
    addi t0, t0, 1
    li t1, 0
    sb t1, 0(a1)
1:
    addi t0, t0, -1
    bnez t0, 1b
    ret
#endif
    .size toy, . - toy
