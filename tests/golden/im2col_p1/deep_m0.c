... 66 lines
static DEEP__CODE DEEP__OUT_OF_LINE void deep__dot_1x4(
... 150 lines
