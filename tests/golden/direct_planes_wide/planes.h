... 9 lines
 * Algorithm  direct_planes_wide: depthwise of any size: widens a plane to int16 in the workspace
 * Workspace  140 bytes: int32_t plane[35]
... 45 lines
