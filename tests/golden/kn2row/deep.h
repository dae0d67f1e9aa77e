... 8 lines
 * Activation relu: outputs from -128 to 127
 * Algorithm  kn2row: one 1x1 convolution for each tap, all kept, then shifted and added
 * Workspace  3,600 bytes: int32_t planes[4][5][9][5]
 * Constants  405 bytes
... 2 lines
 * Numbers    SYNTHETIC: weights, bias and scales are made up from a seed, not trained
 * Note       Plain C: this algorithm has no kernel in assembly.
 *
... 40 lines
