... 9 lines
 * Algorithm  indirect_init: reads the input through pointers that an init function sets
 * Workspace  72 bytes: const int8_t *table[2][9]
... 35 lines
 * Call small_init once before small, with the same input and workspace; again when either moves.
 * `workspace` is scratch memory of SMALL_WORKSPACE_BYTES, aligned to SMALL_WORKSPACE_ALIGN;
 *   between calls it stays as the init function left it.
 * Reentrant: no variables of its own, no heap.
 */
void small_init(const int8_t *input, void *workspace);
void small(const int8_t *input, int8_t *output, void *workspace);
... 6 lines
