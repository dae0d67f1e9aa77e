... 9 lines
 * Algorithm  kn2row: one 1x1 convolution for each tap, all kept, then shifted and added
 * Workspace  3,600 bytes: int32_t planes[4][5][9][5]
... 4 lines
 * Note       Plain C: this algorithm has no kernel in assembly.
... 41 lines
