... 28 lines
#define DIGITS_ROW_BYTES         8u
... 12 lines
 * `arena` is memory of DIGITS_ARENA_BYTES, aligned to DIGITS_ARENA_ALIGN. Call digits_begin, then
 *   digits_push_row with each of the 8 rows of DIGITS_ROW_BYTES: it copies what it needs. When it
 *   returns 1 the output stands at its offset; rows after that are ignored until another
 *   digits_begin. Nothing need be kept between calls.
... 2 lines
void digits_begin(void *arena);
int digits_push_row(void *arena, const int8_t *row);
... 6 lines
