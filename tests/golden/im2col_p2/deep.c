... 116 lines
    "    mov r11, r10\n"
    "    .rept 8\n"
    "    ldr r3, [r0, #36]\n"
    "    ldr r2, [r0]\n"
... 12 lines
    "    smlad r9, r3, lr, r9\n"
    "    ldr r3, [r0, #36]\n"
    "    ldr r2, [r0], #4\n"
... 13 lines
    "    .endr\n"
    "    .rept 1\n"
    "    ldr r3, [r0, #36]\n"
... 29 lines
    "    .endr\n"
    "    ldr r0, [sp, #4]\n"
... 126 lines

            constants = deep__run(sums, 2, run, 36, constants);
        constants = deep__finish(sums, 2, constants, output);
... 29 lines

/* Gathers the patch whose first tap is at (in_row, in_col). */
static DEEP__CODE void deep__gather(const int8_t *input, int32_t in_row, int32_t in_col, int8_t *patch)
... 42 lines
