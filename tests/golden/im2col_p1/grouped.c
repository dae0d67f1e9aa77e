... 143 lines
                    grouped__copy(patch + group * GROUPED__DEPTH, tap + group * GROUPED__GROUP_IN_C, GROUPED__GROUP_IN_C);
                } else {
                    grouped__fill(patch + group * GROUPED__DEPTH, GROUPED__GROUP_IN_C);
... 2 lines
            patch += GROUPED__GROUP_IN_C;
... 23 lines
