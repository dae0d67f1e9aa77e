... 4 lines
 * Sums       assembly with MULS, 1 x 2 sums (tiles x channels)
 * Assembly   for GCC and clang, little-endian, Thumb of the M-profile; plain C for all others
... 92 lines
    const uint32_t a0 = (uint32_t)a & 0xffffu, b0 = (uint32_t)b & 0xffffu;
    const int32_t a1 = a >> 16, b1 = b >> 16;
    const int32_t crossed = a1 * (int32_t)b0 + (int32_t)((a0 * b0) >> 16);
    const uint32_t lower = ((uint32_t)crossed & 0xffffu) + a0 * (uint32_t)b1;

    return a1 * b1 + (crossed >> 16) + (int32_t)(lower >> 16) + addend;
}

/* To eight bits, signed. */
static DEEP__CODE inline int32_t deep__saturate(int32_t value)
{
    value = value < -128 ? -128 : value;
... 2 lines
    return value;
... 5 lines
    return deep__saturate(value >> 13);
}
... 13 lines
 * Multiplies tiles by weights, position by position. Registers:
 *
... 2 lines
 *   r2 r3            inputs: a pair of channels
 *   r4 r5            weights of that pair for both output channels; then products
 *   r8               one of them meanwhile
 *   r6 r7            sums; at first weights
 *   lr               where products are stored
 *   r12              positions left
 */
... 6 lines
    "    push {r4-r7, lr}\n"
... 4 lines
    "    mov r5, r9\n"
    "    mov r6, r10\n"
    "    mov r7, r11\n"
    "    push {r3-r7}\n"
    DEEP__CFI("adjust_cfa_offset 20")
    DEEP__CFI("rel_offset r8, 4; .cfi_rel_offset r9, 8; .cfi_rel_offset r10, 12")
    DEEP__CFI("rel_offset r11, 16")
    "    mov lr, r2\n"
    "    movs r7, #36\n"
    "    mov r12, r7\n"
    "1:\n"
    "    ldmia r0!, {r2, r3}\n"
    "    ldmia r1!, {r4, r5}\n"
    "    sxth r6, r4\n"
    "    muls r6, r2\n"
    "    asrs r4, #16\n"
    "    muls r4, r3\n"
    "    adds r6, r4\n"
    "    sxth r7, r5\n"
    "    muls r7, r2\n"
    "    asrs r5, #16\n"
    "    muls r5, r3\n"
    "    adds r7, r5\n"
    "    .rept 1\n"
    "    ldmia r0!, {r2, r3}\n"
    "    ldmia r1!, {r4, r5}\n"
    "    mov r8, r4\n"
    "    sxth r4, r4\n"
    "    muls r4, r2\n"
    "    adds r6, r4\n"
    "    mov r4, r8\n"
    "    asrs r4, #16\n"
... 2 lines
    "    mov r8, r5\n"
    "    sxth r5, r5\n"
    "    muls r5, r2\n"
    "    adds r7, r5\n"
    "    mov r5, r8\n"
    "    asrs r5, #16\n"
... 2 lines
    "    .endr\n"
    "    mov r3, lr\n"
    "    stmia r3!, {r6, r7}\n"
    "    mov r7, r3\n"
    "    mov lr, r7\n"
    "    mov r7, r12\n"
    "    subs r7, #1\n"
    "    mov r12, r7\n"
    "    beq 4f\n"
    "    b 1b\n"
    "4:\n"
    "    pop {r3-r7}\n"
    DEEP__CFI("adjust_cfa_offset -20")
    DEEP__CFI("register r8, r4")
    DEEP__CFI("register r9, r5")
... 2 lines
    "    mov r8, r4\n"
    DEEP__CFI("restore r8")
    "    mov r9, r5\n"
    DEEP__CFI("restore r9")
    "    mov r10, r6\n"
    DEEP__CFI("restore r10")
    "    mov r11, r7\n"
    DEEP__CFI("restore r11")
    "    pop {r4-r7, pc}\n"
    DEEP__END(deep__multiply));
... 14 lines
                const int32_t lower = (int32_t)tiles[i / DEEP__CHANNELS];
                const int32_t upper = (int32_t)tiles[DEEP__TILES + i / DEEP__CHANNELS];

... 19 lines
/* The channels of a pair, each as a word. */
static DEEP__CODE inline void deep__put(uint32_t *to, uint32_t pair)
{
    to[0] = pair & 0xffffu;
    to[DEEP__TILES] = (uint32_t)((int32_t)pair >> 16);
}
... 15 lines
/* B^T of a row, as two channels in each word that are multiplied next. */
static DEEP__CODE inline void deep__combine_last(
    uint32_t d0, uint32_t d1, uint32_t d2, uint32_t d3, uint32_t d4, uint32_t d5, uint32_t *to, int32_t step)
... 3 lines
    deep__put(to, ((d0 - d2) << 2) + c);
    deep__put(to + step, sum);
    deep__put(to + 2 * step, (a << 1) - sum);
    deep__put(to + 3 * step, c + e);
    deep__put(to + 4 * step, c - e);
    deep__put(to + 5 * step, d5 - d3 - (e << 1));
}
... 40 lines
            deep__combine_last(
                d[0], d[DEEP__POSITION], d[2 * DEEP__POSITION],
... 16 lines
static DEEP__CODE DEEP__OUT_OF_LINE void deep__output_row(
    const uint32_t *m, int32_t start0, int32_t start1, int32_t start2, int32_t start3,
... 69 lines
        products + DEEP__TILE * DEEP__SUMS, start, start, start, start,
        multiplier, addend, cols, output + DEEP__OUT_W * DEEP__OUT_C);
    deep__output_row(
        products + 2 * DEEP__TILE * DEEP__SUMS, start, start, start_22, start_23,
        multiplier, addend, cols, output + 2 * DEEP__OUT_W * DEEP__OUT_C);
    deep__output_row(
... 2 lines
}
... 36 lines
