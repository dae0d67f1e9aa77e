... 97 lines
    "    ldr r2, =216\n"
    "    add r2, r1\n"
... 3 lines
    "    .rept 3\n"
    "    ldr r2, [r0], #4\n"
... 151 lines
