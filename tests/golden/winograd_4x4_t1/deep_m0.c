... 4 lines
 * Sums       assembly with MULS, 1 x 2 sums (tiles x channels)
... 93 lines
    const uint32_t a0 = (uint32_t)a & 0xffffu, b0 = (uint32_t)b & 0xffffu;
    const int32_t a1 = a >> 16, b1 = b >> 16;
    const int32_t crossed = a1 * (int32_t)b0 + (int32_t)((a0 * b0) >> 16);
    const uint32_t lower = ((uint32_t)crossed & 0xffffu) + a0 * (uint32_t)b1;

    return a1 * b1 + (crossed >> 16) + (int32_t)(lower >> 16) + addend;
... 2 lines
/* To eight bits, signed. */
static DEEP__CODE inline int32_t deep__saturate(int32_t value)
... 10 lines
    return deep__saturate(value >> 13);
... 14 lines
 * Multiplies tiles by weights, position by position. Registers:
... 3 lines
 *   r2 r3            inputs: a pair of channels
 *   r4 r5            weights of that pair for both output channels; then products
 *   r8               one of them meanwhile
 *   r6 r7            sums; at first weights
 *   lr               where products are stored
 *   r12              positions left
... 15 lines
    "    push {r3-r7}\n"
... 9 lines
    "    sxth r6, r4\n"
... 30 lines
    "    stmia r3!, {r6, r7}\n"
... 8 lines
    "    pop {r3-r7}\n"
    DEEP__CFI("adjust_cfa_offset -20")
    DEEP__CFI("register r8, r4")
... 27 lines
                const int32_t lower = (int32_t)tiles[i / DEEP__CHANNELS];
                const int32_t upper = (int32_t)tiles[DEEP__TILES + i / DEEP__CHANNELS];
... 20 lines
/* The channels of a pair, each as a word. */
static DEEP__CODE inline void deep__put(uint32_t *to, uint32_t pair)
{
    to[0] = pair & 0xffffu;
    to[DEEP__TILES] = (uint32_t)((int32_t)pair >> 16);
... 16 lines
/* B^T of a row, as two channels in each word that are multiplied next. */
static DEEP__CODE inline void deep__combine_last(
... 4 lines
    deep__put(to, ((d0 - d2) << 2) + c);
    deep__put(to + step, sum);
    deep__put(to + 2 * step, (a << 1) - sum);
    deep__put(to + 3 * step, c + e);
    deep__put(to + 4 * step, c - e);
    deep__put(to + 5 * step, d5 - d3 - (e << 1));
... 41 lines
            deep__combine_last(
... 17 lines
static DEEP__CODE DEEP__OUT_OF_LINE void deep__output_row(
... 115 lines
