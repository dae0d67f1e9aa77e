... 8 lines
 * Activation none: outputs from -128 to 127
 * Algorithm  direct_lanes: depthwise without padding, four channels at a time: no workspace
 * Workspace  none
... 44 lines
