... 31 lines
#define SMALL_POOL_BYTES        32u
#define SMALL_POOL_ALIGN        1u
#define SMALL_INPUT_OFFSET      8u
#define SMALL_OUTPUT_OFFSET     0u
... 14 lines
 * `pool` is memory of SMALL_POOL_BYTES, aligned to SMALL_POOL_ALIGN. Put the input at
 *   SMALL_INPUT_OFFSET bytes from its start; after the call the output stands at
 *   SMALL_OUTPUT_OFFSET, and the input is overwritten.
 * Call small_init once before small, with the same pool and workspace; again when either moves.
... 4 lines
 *     static int8_t pool[SMALL_POOL_BYTES];
 *     static uint32_t workspace[(SMALL_WORKSPACE_BYTES + 3) / 4];
 *
 *     read_input(pool + SMALL_INPUT_OFFSET);
 *     small_init(pool, workspace);
 *     small(pool, workspace);
 *     use_output(pool + SMALL_OUTPUT_OFFSET);
 */
void small_init(const void *pool, void *workspace);
void small(void *pool, void *workspace);
... 6 lines
