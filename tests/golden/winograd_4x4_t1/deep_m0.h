... 10 lines
 * Workspace  864 bytes: uint32_t products[36][2], uint32_t tiles[36][4][1]
... 45 lines
