... 3 lines
 * Algorithm  direct_quads
 * Sums       assembly with Helium where there is, four outputs at a time
... 4 lines
 * The workspace holds four rows with zero points around the image: no bounds are checked.
 * Printed from templates/algorithms/direct_quads.c.j2.
... 74 lines
#define DEPTHWISE__ROW 36 /* pixels of a row, of all channels */
#define DEPTHWISE__LEAD 0 /* words of nothing in front of a channel's weights */
#define DEPTHWISE__WEIGHTS 4 /* words of weights of a channel */
... 4 lines
 * depthwise__pack: pixels of four rows behind one another. Registers:
 *
 *   r2               where packed pixels are stored
 *   r3-r6            where each row is read
 *   r7-r10           how far its next pixels are
 *   lr               how often sixteen pixels are left
 *   q0-q3            sixteen pixels of each row
 */
void depthwise__pack(const int8_t *const *from, const int32_t *step, uint32_t *packed, int32_t count);
... 2 lines
    DEPTHWISE__BEGIN(depthwise__pack)
... 6 lines
    "    dls lr, r3\n"
... 2 lines
    "    vldrb.u8 q0, [r3]\n"
... 7 lines
    "    vst40.8 {q0, q1, q2, q3}, [r2]\n"
... 2 lines
    "    vst43.8 {q0, q1, q2, q3}, [r2]!\n"
    "    le lr, 1b\n"
    "    pop {r4-r11, pc}\n"
    DEPTHWISE__END(depthwise__pack));
... 2 lines
 * depthwise__rows_1: 1 of the rows that windows give. Registers:
 *
 *   q7               what rounds outputs and keeps them in their range
 *   r3               where the first window of the channel is
 *   r5 r1            constants, in order of use; where they end
 *   r7 r11           where outputs of the channel are stored; of the next block
 *   r8 r9 r10        multiplier, shift and start of the channel
 *   r0 r2 r4 r6      sums of four outputs; r0 also a count or a predicate
 *   q0               weights: for each output of a window
 *   q4 q6            where columns of a window are, and outputs of a block
 *   q5               inputs of a window, then outputs
 */
void depthwise__rows_1(const uint32_t *packed, const uint32_t *constants, int8_t *output);
... 2 lines
    DEPTHWISE__BEGIN(depthwise__rows_1)
... 5 lines
    "    vpush {d8-d15}\n"
    DEPTHWISE__CFI("adjust_cfa_offset 64")
    DEPTHWISE__CFI("rel_offset d8, 0; .cfi_rel_offset d9, 8; .cfi_rel_offset d10, 16")
    DEPTHWISE__CFI("rel_offset d11, 24; .cfi_rel_offset d12, 32; .cfi_rel_offset d13, 40")
    DEPTHWISE__CFI("rel_offset d14, 48; .cfi_rel_offset d15, 56")
... 7 lines
    "    vstrw.u32 q4, [sp]\n"
... 5 lines
    "    vldrw.u32 q4, [sp]\n"
    "    vadd.i32 q4, q4, r3\n"
... 4 lines
    "    vmsr p0, r0\n"
    "    vldrw.u32 q5, [q4, #48]!\n"
    "    vmladav.s8 r0, q5, q0\n"
... 9 lines
    "    vqrdmulh.s32 q5, q5, r8\n"
... 2 lines
    "    vrshl.s32 q5, r9\n"
... 2 lines
    "    vpst\n"
    "    vstrbt.32 q5, [r11, q6]\n"
... 4 lines
    "    vpop {d8-d15}\n"
    DEPTHWISE__CFI("adjust_cfa_offset -64")
    DEPTHWISE__CFI("restore d8; .cfi_restore d9; .cfi_restore d10")
    DEPTHWISE__CFI("restore d11; .cfi_restore d12; .cfi_restore d13")
    DEPTHWISE__CFI("restore d14; .cfi_restore d15")
... 2 lines
    DEPTHWISE__END(depthwise__rows_1));
... 2 lines
/* Sixteen pixels of each row at a time, one row's behind the other's in a word. */
static DEPTHWISE__CODE void depthwise__pack(const int8_t *const *from, const int32_t *step, uint32_t *packed, int32_t count)
{
    for (int32_t i = 0; i < 16 * count; ++i) {
... 3 lines
            word |= (uint32_t)(uint8_t)from[row][i / 16 * step[row] + i % 16] << 8 * row;
        }
        packed[i] = word;
... 10 lines
    value += 0;
... 4 lines
static DEPTHWISE__CODE void depthwise__rows_1(const uint32_t *packed, const uint32_t *constants, int8_t *output)
... 3 lines
        const uint32_t *line = constants + DEPTHWISE__WEIGHTS;

        for (int32_t i = 0; i < 1 * DEPTHWISE__OUT_W; ++i) {
            const int32_t row = i / DEPTHWISE__OUT_W * DEPTHWISE__STRIDE_H;
            const uint32_t *column = packed + i % DEPTHWISE__OUT_W * DEPTHWISE__STRIDE_W * DEPTHWISE__IN_C + c;
            uint32_t sum = line[2];

            for (int32_t k = 0; k < DEPTHWISE__KERNEL_W * DEPTHWISE__KERNEL_H; ++k) {
                const int32_t pixel = (int8_t)(column[k / DEPTHWISE__KERNEL_H * DEPTHWISE__IN_C] >> 8 * (row + k % DEPTHWISE__KERNEL_H));
                const int32_t weight = (int8_t)(constants[DEPTHWISE__LEAD + k / DEPTHWISE__KERNEL_H] >> 8 * (k % DEPTHWISE__KERNEL_H));

                sum += (uint32_t)(pixel * weight);
            }
            output[i * DEPTHWISE__OUT_C + c] = depthwise__finish((int32_t)sum, (int32_t)line[0], -(int32_t)line[1]);
... 7 lines
/* Packs the rows from `in_row` on, of which so many are `seen`; what is outside the image are zero points. */
static DEPTHWISE__CODE void depthwise__pack_rows(
    const int8_t *input, int32_t in_row, int32_t seen, uint32_t *packed)
{
    const int8_t *from[4];
    int32_t step[4];
... 3 lines
        const int inside = i < seen && row >= 0 && row < DEPTHWISE__IN_H;

        from[i] = inside ? input + row * DEPTHWISE__ROW : depthwise__zero_points;
        step[i] = inside ? 16 : 0;
    }
    depthwise__pack(from, step, packed, 2);
    for (int32_t i = 0; i < 4; ++i) {
        from[i] += step[i] ? DEPTHWISE__ROW - 16 : 0;
    }
    depthwise__pack(from, step, packed + DEPTHWISE__ROW - 16, 1);
... 2 lines
/* Fills columns of the workspace with zero points. */
static DEPTHWISE__CODE void depthwise__fill(uint32_t *packed, int32_t cols)
{
    for (int32_t i = 0; i < cols * DEPTHWISE__IN_C; ++i) {
        packed[i] = 0x01010101u * (uint8_t)DEPTHWISE__VALUE;
... 5 lines
    int32_t *const packed = workspace;

    uint32_t *words = (uint32_t *)packed;
    int32_t out_row = 0;

    depthwise__fill(words + DEPTHWISE__PAD_LEFT * DEPTHWISE__IN_C + DEPTHWISE__ROW, 4);
    for (; out_row + 1 <= DEPTHWISE__OUT_H; out_row += 1) {
        depthwise__pack_rows(input, out_row * DEPTHWISE__STRIDE_H - DEPTHWISE__PAD_TOP, 3, words + DEPTHWISE__PAD_LEFT * DEPTHWISE__IN_C);
        depthwise__rows_1(words, depthwise__quads, output);
        output += 1 * DEPTHWISE__OUT_W * DEPTHWISE__OUT_C;
... 9 lines
