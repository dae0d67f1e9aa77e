... 10 lines
 * Workspace  1,728 bytes: uint32_t products[36][8], uint32_t tiles[36][2][2]
 * Constants  2,475 bytes
... 46 lines
