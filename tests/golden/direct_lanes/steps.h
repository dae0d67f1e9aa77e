... 9 lines
 * Algorithm  direct_lanes: depthwise without padding, four channels at a time: no workspace
... 45 lines
