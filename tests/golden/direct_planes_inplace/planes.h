... 9 lines
 * Algorithm  direct_planes_inplace: depthwise 3x3 in place: keeps a line of a plane's pixels in
 *   the workspace
 * Workspace  16 bytes: int32_t line[4]
 * Constants  204 bytes
... 18 lines
#define PLANES_WORKSPACE_BYTES   16u
#define PLANES_WORKSPACE_ALIGN   4u
... 13 lines
 * `workspace` is scratch memory of PLANES_WORKSPACE_BYTES, aligned to PLANES_WORKSPACE_ALIGN;
 *   between calls it need not be kept.
 * Reentrant: no variables of its own, no heap.
... 8 lines
