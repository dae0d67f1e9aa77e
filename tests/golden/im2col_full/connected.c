... 96 lines
    "    strd r0, r2, [sp]\n"
    "    ldr r2, =216\n"
    "    add r2, r1\n"
... 2 lines
    "    ldm r1!, {r4, r6, r8, r10}\n"
    "    .rept 3\n"
    "    ldr r2, [r0], #4\n"
... 21 lines
    "    smmla r4, r4, r3, r12\n"
    "    ssat r4, #8, r4, asr #14\n"
... 2 lines
    "    smmla r6, r6, r3, r12\n"
    "    ssat r6, #8, r6, asr #14\n"
... 3 lines
    "    smmla r8, r8, r3, r12\n"
    "    ssat r8, #8, r8, asr #14\n"
... 2 lines
    "    smmla r10, r10, r3, r12\n"
    "    ssat r10, #8, r10, asr #14\n"
... 69 lines

            value = connected__saturate(value >> 14);
... 20 lines

            constants = connected__run(sums, 1, run, 12, constants);
        constants = connected__finish(sums, 1, constants, output);
... 21 lines
