... 4 lines
 * Sums       VMLADAVA, 2 x 4 (pixels x channels) in registers, 16 products at once
 * Assembly   for GCC and clang, little-endian, Helium's integer vectors; plain C for all others
 * Compiler   with Helium GCC has -fno-tree-loop-if-convert, clang no vectors of its own
... 12 lines
/* GCC 12 selects between vectors by wrong predicates where a loop has had its conditions removed. */
#if defined __ARM_FEATURE_MVE && defined __GNUC__ && !defined __clang__
#pragma GCC push_options
#pragma GCC optimize("no-tree-loop-if-convert")
#endif
/* Clang 22 makes loops over vectors of far too many turns, at -Os. */
#if defined __ARM_FEATURE_MVE && defined __clang__
#pragma clang attribute push(__attribute__((target("no-mve"))), apply_to = function)
... 13 lines
    defined(__thumb2__) && defined(__ARM_FEATURE_MVE)
... 11 lines
#if defined(__clang__)
... 38 lines
#define FIRST__WEIGHT_WORDS 27 /* weights of a block */
... 6 lines
 *   r1               a count, or the end of the constants
 *   r5               constants, in order of use
 *   r9 r11           where inputs of each pixel are read
 *   r7 r3            where outputs of each pixel are stored
 *   r0 r2 r4 r6      sums of a pixel: of channel 0, of channel 1 ...
 *   r8 r10 r12 lr    sums of a pixel: of channel 0, of channel 1 ...
 *   q0 q1            inputs of each pixel, then outputs
 *   q2 q3            weights; in the end multipliers and shifts
 *
 * On the stack: the end of the constants, inputs.
 * The predicate is that of the last elements of a run.
... 24 lines
    "    vctp.8 r1\n"
... 8 lines
    "    vldrb.u8 q0, [r9], #16\n"
... 2 lines
    "    vmladava.s8 r0, q0, q2\n"
... 9 lines
    "    vmladava.s8 lr, q1, q3\n"
    "    .endr\n"
    "    vpstt\n"
    "    vldrbt.u8 q0, [r9], #11\n"
... 13 lines
    "    vmov q0[2], q0[0], r0, r4\n"
... 2 lines
    "    vmov q1[3], q1[1], r10, lr\n"
    "    vldrw.u32 q2, [r5], #16\n"
    "    vldrw.u32 q3, [r5], #16\n"
    "    vqrdmulh.s32 q0, q0, q2\n"
    "    vqrdmulh.s32 q1, q1, q2\n"
    "    vshr.s32 q2, q0, #31\n"
    "    vadd.i32 q0, q0, q2\n"
... 2 lines
    "    vrshl.s32 q0, q0, q3\n"
    "    vrshl.s32 q1, q1, q3\n"
    "    vmvn.i32 q2, #127\n"
... 2 lines
    "    vqmovnb.s32 q0, q0\n"
... 3 lines
    "    vstrb.32 q0, [r7], #4\n"
... 14 lines
/* Weight `i` of those that begin at a word. */
static FIRST__CODE int32_t first__weight(const uint32_t *weights, int32_t i)
{
    return (int8_t)(weights[i / 4] >> 8 * (i % 4));
... 2 lines
/* Adds the products of a run to the sums of four channels of each pixel; returns which weight is next. */
static FIRST__CODE int32_t first__run(
    uint32_t (*sums)[4], int32_t pixels, const int8_t *input, int32_t count, const uint32_t *weights, int32_t first)
... 2 lines
        const int32_t elems = count - k < 16 ? count - k : 16;
... 2 lines
            for (int32_t i = 0; i < elems; ++i) {
                const int32_t weight = first__weight(weights, first++);
... 2 lines
                    sums[p][c] += (uint32_t)(input[p * FIRST__PIXEL_PITCH + k + i] * weight);
... 4 lines
    return first;
... 2 lines
/* Finishes a sum, shifted to the right behind the multiplication. */
static FIRST__CODE int8_t first__finish(int32_t sum, int32_t multiplier, int32_t shift)
{
    const int64_t product = (int64_t)sum * multiplier;
    const int32_t high = (int32_t)((product + (1 << 30)) >> 31);
    int32_t value = (high + (1 << (shift - 1)) - (high < 0)) >> shift;

    value += -128;
    value = value < -128 ? -128 : value;
    return (int8_t)(value > 127 ? 127 : value);
... 6 lines
        int32_t weight = 0;
... 10 lines
            weight = first__run(sums, 2, run, 27, constants, weight);
        constants += FIRST__WEIGHT_WORDS;
... 2 lines
                output[p * FIRST__OUT_C + c] = first__finish(
                    (int32_t)sums[p][c], (int32_t)constants[c], -(int32_t)constants[c + 4]);
... 22 lines
    __asm__ volatile(
        FIRST__OPTIONS
        "wlstp.8 lr, %2, 2f\n"
        "1:\n"
        "vldrb.u8 q0, [%1], #16\n"
        "vstrb.8 q0, [%0], #16\n"
        "letp lr, 1b\n"
        "2:"
        : "+r"(to), "+r"(from) : "r"(count) : "lr", "q0", "cc", "memory");
... 12 lines
        "vdup.8 q0, %2\n"
... 5 lines
        : "+r"(to) : "r"(count), "r"(-1) : "lr", "q0", "cc", "memory");
... 54 lines
#pragma GCC pop_options
... 2 lines
#pragma clang attribute pop
#endif
