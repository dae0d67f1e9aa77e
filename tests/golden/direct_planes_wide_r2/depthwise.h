... 9 lines
 * Algorithm  direct_planes_wide_r2: depthwise of any size: widens a plane to int16 in the
 *   workspace, 2 output rows at a time
... 35 lines
 * `workspace` is scratch memory of DEPTHWISE_WORKSPACE_BYTES, aligned to
 *   DEPTHWISE_WORKSPACE_ALIGN; between calls it need not be kept.
... 9 lines
