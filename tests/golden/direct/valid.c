... 9 lines
 * No tap leaves the image: no bounds are checked.
 * Printed from templates/algorithms/direct.c.j2.
... 53 lines
#define VALID__IN_W 6
... 3 lines
#define VALID__STRIDE_H 1
#define VALID__STRIDE_W 2
#define VALID__PAD_TOP 0
#define VALID__PAD_LEFT 0
#define VALID__OUT_C 4
#define VALID__BLOCKS 1 /* of 4 output channels */
#define VALID__PIXEL_PITCH 4 /* elements from pixel to pixel of a block */
... 26 lines
    "    ldr r2, =120\n"
    "    add r2, r1\n"
... 7 lines
    "    ldr r2, =2\n"
    "    str r2, [sp, #16]\n"
    "2:\n"
    "    .rept 1\n"
    "    ldr r3, [r0, #4]\n"
... 31 lines
    "    ldrsb r12, [r0, #5]\n"
    "    pkhbt r3, r3, r12, lsl #16\n"
    "    ldrsb r12, [r0, #1]\n"
    "    ldrsb r2, [r0], #2\n"
    "    pkhbt r2, r2, r12, lsl #16\n"
    "    ldrd r12, lr, [r1], #8\n"
... 10 lines
    "    ldr r2, =6\n"
    "    add r0, r2\n"
... 9 lines
    "    ldm r1!, {r2, r3, r12, lr}\n"
    "    add r4, r2, r4, lsl #8\n"
    "    add r5, r2, r5, lsl #8\n"
    "    and r2, lr, r4, asr #31\n"
    "    add r2, r12\n"
    "    smmla r4, r4, r3, r2\n"
    "    and r2, lr, r5, asr #31\n"
    "    add r2, r12\n"
    "    smmla r5, r5, r3, r2\n"
    "    ssat r4, #8, r4, asr #14\n"
... 3 lines
    "    ldm r1!, {r3, r12, lr}\n"
    "    and r2, lr, r6, asr #31\n"
    "    add r2, r12\n"
    "    smmla r6, r6, r3, r2\n"
    "    and r2, lr, r7, asr #31\n"
    "    add r2, r12\n"
    "    smmla r7, r7, r3, r2\n"
    "    ssat r6, #8, r6, asr #14\n"
... 3 lines
    "    ldm r1!, {r2, r3, r12, lr}\n"
    "    add r8, r2, r8, lsl #8\n"
    "    add r9, r2, r9, lsl #8\n"
    "    and r2, lr, r8, asr #31\n"
    "    add r2, r12\n"
    "    smmla r8, r8, r3, r2\n"
    "    and r2, lr, r9, asr #31\n"
    "    add r2, r12\n"
    "    smmla r9, r9, r3, r2\n"
    "    ssat r8, #8, r8, asr #14\n"
... 3 lines
    "    ldm r1!, {r3, r12, lr}\n"
    "    and r2, lr, r10, asr #31\n"
    "    add r2, r12\n"
    "    smmla r10, r10, r3, r2\n"
    "    and r2, lr, r11, asr #31\n"
    "    add r2, r12\n"
    "    smmla r11, r11, r3, r2\n"
    "    ssat r10, #8, r10, asr #14\n"
... 3 lines
    "    str r0, [sp, #4]\n"
... 34 lines
            const int32_t first = k + step;
            const int32_t second = first + steps;

... 4 lines
                next = valid__step(sums[p], x[first], second < count ? x[second] : 0, constants);
            }
... 23 lines
            value += sum < 0 ? (int32_t)line[2] : 0;
            value = valid__saturate(value >> 14);
... 25 lines
        output += 4;
    }
... 10 lines
        int32_t col = 0;
... 3 lines
        for (; col + 2 <= VALID__OUT_W; col += 2) {
            valid__pixels_2(
... 6 lines
