... 9 lines
 * Algorithm  direct_planes: depthwise 3x3, plane by plane with the weights in registers
... 45 lines
