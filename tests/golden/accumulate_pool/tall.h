... 4 lines
 * Input      40 x 8 x 4 (height x width x channels), 1,280 bytes, scale 0.05, zero point -128
 * Output     1 x 1 x 4 (height x width x channels), 4 bytes, scale 0.05, zero point -128
... 40 lines
 * `workspace` is memory of TALL_WORKSPACE_BYTES, aligned to TALL_WORKSPACE_ALIGN, that holds the
... 10 lines
