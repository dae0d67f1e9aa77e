... 4 lines
 * Sums       vectors, 2 pixels times a register of int8 channels, each with an input of its own
 * Assembly   for GCC and clang, little-endian, RV32 with vectors (Zve32x) of 128 bits and more, on
... 78 lines
#define DEPTHWISE__TAPS 9
... 13 lines
 *   t2               a distance, an end of the range
 *   t3               runs that are left; a table
 *   t6               bytes from pixel to pixel of the output
 *   v0 v1            weights; v0: in the end a table, outputs
 *   v7               inputs: of all channels
 *   v8 v10           sums: of a window, for each pixel; in the end what is rounded
 *   v16 v20          sums, for each pixel
 */
... 11 lines
    "    bytes\n"
... 2 lines
    "    li a3, 6\n"
    "    li t1, 6 * 1\n"
    "    li a7, 4 * 4 * 6\n"
    "    add a7, a7, a1\n"
... 4 lines
    "    bytes\n"
... 4 lines
    "    vle8.v v0, (a4)\n"
    "    add a4, a4, t1\n"
    "    vle8.v v1, (a4)\n"
    "    add a4, a4, t1\n"
    "    vle8.v v7, (a5)\n"
    "    vwmul.vv v8, v7, v0\n"
    "    addi a5, a5, 6\n"
    "    vle8.v v7, (a5)\n"
    "    vwmacc.vv v8, v7, v1\n"
    "    addi a5, a5, 6\n"
    "    vle8.v v7, (a5)\n"
    "    vwmul.vv v10, v7, v0\n"
    "    addi a5, a5, 6\n"
    "    vle8.v v7, (a5)\n"
    "    vwmacc.vv v10, v7, v1\n"
    "    flush\n"
    "    vle8.v v0, (a4)\n"
    "    add a4, a4, t1\n"
    "    addi a5, a5, -6\n"
    "    vle8.v v7, (a5)\n"
    "    vwmul.vv v8, v7, v0\n"
    "    addi a5, a5, 12\n"
    "    vle8.v v7, (a5)\n"
    "    vwmul.vv v10, v7, v0\n"
    "    flush\n"
    "    addi a5, a5, 12\n"
    "    addi t3, t3, -1\n"
... 2 lines
    "    li t2, 4 * 6\n"
    "    mv t3, a1\n"
... 8 lines
    "    add t3, t3, t2\n"
... 3 lines
    "    add t3, t3, t2\n"
... 3 lines
    "    vsetvli zero, zero, e16, m2, ta, ma\n"
... 2 lines
    "    bytes\n"
    "    li t6, 6\n"
    "    mv a5, a2\n"
... 8 lines
    "    add a0, a0, t0\n"
    "    add a7, a7, t0\n"
    "    sub a3, a3, t0\n"
... 4 lines
    DEPTHWISE__END(depthwise__pixels_2));
... 2 lines
 * depthwise__taps: all channels of 1 output pixel. Registers:
 *
 *   a0               pointers to taps
 *   a1               where the constants of these channels begin
... 7 lines
 *   t3               the end of the pointers; a table
 *   t4               the next pointer
 *   t5               how far these channels are from the first
 *   v0               weights; v0: in the end a table, outputs
 *   v7               inputs: of all channels
 *   v8               sums: of a window, for each pixel; in the end what is rounded
... 6 lines
    "    .macro bytes\n"
... 12 lines
    "    li t5, 0\n"
    "1:\n"
... 4 lines
    "    mv t4, a0\n"
    "    addi t3, a0, 4 * 9\n"
    "2:\n"
    "    lw a5, 0(t4)\n"
    "    addi t4, t4, 4\n"
    "    add a5, a5, t5\n"
    "    vle8.v v0, (a4)\n"
... 3 lines
    "    flush\n"
    "    bne t4, t3, 2b\n"
    "    vsetvli zero, zero, e32, m4, ta, ma\n"
... 21 lines
    "    add t5, t5, t0\n"
    "    add a7, a7, t0\n"
... 5 lines
    DEPTHWISE__END(depthwise__taps));
... 42 lines
                sum = depthwise__run(sum, run + channel, first, 3, constants, channel);
                first += 3;
... 13 lines
            for (int32_t tap = 0; tap < DEPTHWISE__TAPS; ++tap) {
                const int8_t *run = input[tap];

... 66 lines
