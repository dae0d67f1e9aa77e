... 9 lines
 * Algorithm  kn2row_as: one 1x1 convolution after the other, each shifted and added to the sums
 * Workspace  1,152 bytes: int32_t plane[7][6][4], int32_t partial[5][6][4]
... 4 lines
 * Note       Plain C: this algorithm has no kernel in assembly; that of others needs 1 group; this
 *   layer has 2.
... 41 lines
