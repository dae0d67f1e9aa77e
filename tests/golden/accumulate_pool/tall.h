... 3 lines
 * Layer      average_pool, int8
 * Input      40 x 8 x 4 (height x width x channels), 1,280 bytes, scale 0.05, zero point -128
 * Output     1 x 1 x 4 (height x width x channels), 4 bytes, scale 0.05, zero point -128
... 39 lines
 *   once: row 0 begins, and the call with the last of them writes the whole `output`.
 * `workspace` is memory of TALL_WORKSPACE_BYTES, aligned to TALL_WORKSPACE_ALIGN, that holds the
... 10 lines
