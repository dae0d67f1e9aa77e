... 9 lines
 * Algorithm  indirect_init: reads the input through pointers that an init function sets
... 36 lines
 * Call small_init once before small, with the same input and workspace; again when either moves.
 * `workspace` is scratch memory of SMALL_WORKSPACE_BYTES, aligned to SMALL_WORKSPACE_ALIGN;
 *   between calls it stays as the init function left it.
... 2 lines
void small_init(const int8_t *input, void *workspace);
... 7 lines
