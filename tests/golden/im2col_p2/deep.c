... 117 lines
    "    .rept 8\n"
    "    ldr r3, [r0, #36]\n"
... 30 lines
    "    .rept 1\n"
... 31 lines
    "    ldr r0, [sp, #4]\n"
... 159 lines
/* Gathers the patch whose first tap is at (in_row, in_col). */
static DEEP__CODE void deep__gather(
... 43 lines
