... 4 lines
 * Sums       vectors, 2 pixels times a register of int8 channels, each with an input of its own
... 93 lines
 *   t2               a distance, an end of the range
... 2 lines
 *   v0 v1            weights; v0: in the end a table, outputs
 *   v7               inputs: of all channels
 *   v8 v10           sums: of a window, for each pixel; in the end what is rounded
 *   v16 v20          sums, for each pixel
... 33 lines
    "    vwmul.vv v8, v7, v0\n"
... 2 lines
    "    vwmacc.vv v8, v7, v1\n"
... 9 lines
    "    addi a5, a5, -6\n"
... 52 lines
 * depthwise__taps: all channels of 1 output pixel. Registers:
 *
 *   a0               pointers to taps
... 8 lines
 *   t3               the end of the pointers; a table
 *   t4               the next pointer
 *   t5               how far these channels are from the first
 *   v0               weights; v0: in the end a table, outputs
... 28 lines
    "    addi t3, a0, 4 * 9\n"
    "2:\n"
    "    lw a5, 0(t4)\n"
    "    addi t4, t4, 4\n"
... 6 lines
    "    bne t4, t3, 2b\n"
... 72 lines
                sum = depthwise__run(sum, run + channel, first, 3, constants, channel);
... 15 lines
                const int8_t *run = input[tap];
... 67 lines
