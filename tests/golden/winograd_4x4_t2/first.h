... 10 lines
 * Workspace  1,728 bytes: uint32_t products[36][8], uint32_t tiles[36][2][2]
... 47 lines
