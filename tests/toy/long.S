/* void toy(input, output, workspace): 5000 instructions without a jump, and its return */
#if defined(__arm__)
    .syntax unified
    .thumb
    .text
    .global toy
    .thumb_func
    .type toy, %function
toy:
    movs r3, #0
    .rept 4998
    adds r3, #1
    .endr
    strb r3, [r1]
    bx lr
#else
    .text
    .global toy
    .type toy, @function
toy:
    li t0, 0
    .rept 4998
    addi t0, t0, 1
    .endr
    sb t0, 0(a1)
    ret
#endif
    .size toy, . - toy
