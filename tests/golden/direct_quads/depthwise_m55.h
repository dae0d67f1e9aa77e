... 9 lines
 * Algorithm  direct_quads: depthwise of at most 4x4 with Helium: packs four rows in the workspace
 * Workspace  240 bytes: int32_t packed[10][6]
... 45 lines
