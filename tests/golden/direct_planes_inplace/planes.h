... 9 lines
 * Algorithm  direct_planes_inplace: depthwise 3x3 in place: keeps a line of a plane's pixels in
 *   the workspace
 * Workspace  16 bytes: int32_t line[4]
... 19 lines
#define PLANES_WORKSPACE_BYTES   16u
... 14 lines
 * `workspace` is scratch memory of PLANES_WORKSPACE_BYTES, aligned to PLANES_WORKSPACE_ALIGN;
 *   between calls it need not be kept.
... 9 lines
