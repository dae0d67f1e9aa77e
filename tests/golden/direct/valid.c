... 9 lines
 * No tap leaves the image: no bounds are checked.
... 63 lines
#define VALID__BLOCKS 1 /* of 4 output channels */
... 73 lines
    "    pkhbt r3, r3, r12, lsl #16\n"
... 25 lines
    "    ldm r1!, {r2, r3, r12, lr}\n"
... 2 lines
    "    and r2, lr, r4, asr #31\n"
... 9 lines
    "    ldm r1!, {r3, r12, lr}\n"
... 69 lines
            const int32_t first = k + step;
            const int32_t second = first + steps;
... 5 lines
                next = valid__step(sums[p], x[first], second < count ? x[second] : 0, constants);
... 24 lines
            value += sum < 0 ? (int32_t)line[2] : 0;
... 26 lines
        output += 4;
... 15 lines
        for (; col + 2 <= VALID__OUT_W; col += 2) {
... 7 lines
