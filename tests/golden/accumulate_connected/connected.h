... 9 lines
 * Algorithm  accumulate_connected: sums of products with what comes in slices, kept from one to
 *   the next
 * Workspace  24 bytes: int32_t partial[6]
 * Constants  117 bytes
 * Quantised  single rounding, Q31 multiplier per channel; two's complement, and >> of negative
... 31 lines
 * Takes rows `first` to `last` - 1, at least one, of 12 of the input, each 1 element. At `input`
 *   lies row `input_row`, and behind it at least the rows that are read. Rows come in order, each
 *   once: row 0 begins, and the call with the last of them writes the whole `output`.
 * `workspace` is memory of CONNECTED_WORKSPACE_BYTES, aligned to CONNECTED_WORKSPACE_ALIGN, that
 *   holds the sums: it is left alone from the first row to the last.
... 2 lines
void connected_rows(const int8_t *input, int32_t input_row, int8_t *output, void *workspace, int32_t first, int32_t last);
... 6 lines
