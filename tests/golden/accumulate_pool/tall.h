... 4 lines
 * Input      40 x 8 x 4 (height x width x channels), 1,280 bytes, scale 0.05, zero point -128
... 52 lines
