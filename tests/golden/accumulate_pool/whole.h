... 9 lines
 * Algorithm  accumulate_pool: sums of what comes in slices, kept from one to the next
 * Workspace  18 bytes: int16_t sums[9]
 * Constants  0 bytes
 * Quantised  a mean is one multiplication in 32 bits, exact for every sum; two's complement, and
... 30 lines
 * Takes rows `first` to `last` - 1, at least one, of 5 of the input, each 54 elements. At `input`
 *   lies row `input_row`, and behind it at least the rows that are read. Rows come in order, each
 *   once: row 0 begins, and the call with the last of them writes the whole `output`.
 * `workspace` is memory of WHOLE_WORKSPACE_BYTES, aligned to WHOLE_WORKSPACE_ALIGN, that holds the
 *   sums: it is left alone from the first row to the last.
... 9 lines
