... 9 lines
 * Algorithm  direct_planes_wide_r2: depthwise of any size: widens a plane to int16 in the
 *   workspace, 2 output rows at a time
 * Workspace  80 bytes: int32_t plane[20]
... 34 lines
 * `workspace` is scratch memory of DEPTHWISE_WORKSPACE_BYTES, aligned to
 *   DEPTHWISE_WORKSPACE_ALIGN; between calls it need not be kept.
 * Reentrant: no variables of its own, no heap.
... 8 lines
