... 39 lines
#define GROUPED__PATCHES 1 /* gathered before they are multiplied */
... 3 lines
#define GROUPED__GROUP_PITCH 18 /* elements from one group's input to the next */
... 58 lines
    for (; count >= 1; --count) {
... 35 lines
            const int inside = row_inside && col >= 0 && col < GROUPED__IN_W;
            const int8_t *tap = inside ? input + (row * GROUPED__IN_W + col) * GROUPED__IN_C : input;

... 2 lines
                    grouped__copy(patch + group * GROUPED__DEPTH, tap + group * GROUPED__GROUP_IN_C, GROUPED__GROUP_IN_C);
                } else {
                    grouped__fill(patch + group * GROUPED__DEPTH, GROUPED__GROUP_IN_C);
                }
            }
            patch += GROUPED__GROUP_IN_C;
        }
... 22 lines
