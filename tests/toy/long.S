/* void toy(input, output, workspace): 5000 instructions without a jump, and its return */
#if defined(__arm__)
    .syntax unified
    .thumb
    .text
    .global toy
    .thumb_func
    .type toy, %function
toy:
    .rept 5000
    adds r3, #1
    .endr
    bx lr
#else
    .text
    .global toy
    .type toy, @function
toy:
    .rept 5000
    addi t0, t0, 1
    .endr
    ret
#endif
    .size toy, . - toy
