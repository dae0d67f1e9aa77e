"""Names a layer cannot have, because some part of a C or C++ program has them already."""

from __future__ import annotations

import re

# C99 promises to tell apart 63 characters within a file, and of a symbol only 31 across files; but
# linkers of ELF compare whole symbols, so the shorter promise binds none of our compilers.
MAX_LENGTH = 63
IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


KEYWORDS = _words(
    """
    auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while
    alignas alignof bool constexpr false nullptr static_assert thread_local true typeof
    typeof_unqual
    and and_eq asm bitand bitor catch char8_t char16_t char32_t class co_await co_return co_yield
    compl concept const_cast consteval constinit decltype delete dynamic_cast explicit export
    friend mutable namespace new noexcept not not_eq operator or or_eq private protected public
    reinterpret_cast requires static_cast template this throw try typeid typename using virtual
    wchar_t xor xor_eq
    """
)

# GCC checks a declaration against its built-in functions even without their header; those of math.h
# and complex.h also exist with suffixes for the other floating types.
_MATH = _words(
    """
    acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh drem erf erfc exp exp10 exp2
    expm1 fabs fdim finite floor fma fmax fmin fmod frexp gamma hypot ilogb isinf isnan j0 j1 jn
    ldexp lgamma llrint llround log log10 log1p log2 logb lrint lround modf nan nearbyint nextafter
    nexttoward pow pow10 remainder remquo rint round roundeven scalb scalbln scalbn signbit
    significand sin sincos sinh sqrt tan tanh tgamma trunc y0 y1 yn
    cabs cacos cacosh carg casin casinh catan catanh ccos ccosh cexp cimag clog clog10 conj cpow
    cproj creal csin csinh csqrt ctan ctanh
    """
)
_MATH_SUFFIXES = ("", *_words("f l f16 f32 f32x f64 f64x f128 f128x d32 d64 d128"))
LIBRARY = frozenset(name + suffix for name in _MATH for suffix in _MATH_SUFFIXES) | _words(
    """
    fpclassify gamma_r gammaf_r gammal_r imaginary isfinite isgreater isgreaterequal isless
    islessequal islessgreater isnormal isunordered lgamma_r lgammaf_r lgammal_r I
    feclearexcept fegetenv fegetexceptflag fegetround feholdexcept feraiseexcept fesetenv
    fesetexceptflag fesetround fetestexcept feupdateenv
    memchr memcmp memcpy memmove mempcpy memset stpcpy stpncpy strcasecmp strcat strchr strcmp
    strcoll strcpy strcspn strdup strerror strlen strncasecmp strncat strncmp strncpy strndup
    strnlen strpbrk strrchr strspn strstr strtok strxfrm
    abort abs aligned_alloc atexit atof atoi atol atoll bsearch calloc div exit free getenv imaxabs
    labs ldiv llabs lldiv malloc mblen mbstowcs mbtowc posix_memalign qsort rand realloc srand
    strtod strtof strtol strtold strtoll strtoul strtoull system wcstombs wctomb
    clearerr fclose feof ferror fflush fgetc fgetpos fgets fopen fprintf fprintf_unlocked fputc
    fputc_unlocked fputs fputs_unlocked fread freopen fscanf fseek fsetpos ftell fwrite
    fwrite_unlocked getc getchar gets perror printf printf_unlocked putc putc_unlocked putchar
    putchar_unlocked puts puts_unlocked remove rename rewind scanf setbuf setvbuf snprintf sprintf
    sscanf tmpfile tmpnam ungetc vfprintf vfscanf vprintf vscanf vsnprintf vsprintf vsscanf
    isalnum isalpha isascii isblank iscntrl isdigit isgraph islower isprint ispunct isspace isupper
    isxdigit toascii tolower toupper
    iswalnum iswalpha iswblank iswcntrl iswdigit iswgraph iswlower iswprint iswpunct iswspace
    iswupper iswxdigit towlower towupper
    alloca bcmp bcopy bzero close dcgettext dgettext execl execle execlp execv execve execvp ffs
    ffsimax ffsl ffsll fork gettext index open read rindex sbrk sigaction sigaltstack
    strfmon strftime write
    linux unix main offsetof size_t ptrdiff_t max_align_t
    """
)

# The generated file NAME.h would hide the header of that name.
HEADERS = _words(
    """
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal
    stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads
    time uchar wchar wctype
    """
)

# The parameters of the generated function.
PARAMETERS = frozenset({"input", "output", "pool", "workspace"})

# Macros of the generated source.
CONSTANTS = _words(
    """
    ADDEND ASSEMBLY BEGIN BEND CFI CODE CONSTANT END OPTIONS SECTION_OF STREAM
    BEFORE BLOCK BLOCKS CHANNELS COLUMN COLUMNS DEPTH DILATION_H DILATION_W ELEMENTS ELEM_PITCH
    FINISH_MAX FINISH_MIN FIRST FOURS_END FRACTION GROUP GROUPS GROUP_IN_C GROUP_PITCH
    INNER_BOTTOM INNER_LEFT INNER_RIGHT INNER_TOP INVERSE IN_ACROSS IN_ALONG IN_C IN_H IN_ROW
    IN_W KERNEL_H KERNEL_W K_H K_W LAST LEAD LEAST LIFT LIMIT LINES MATRIX MIDDLE MOST
    MULTIPLIER NEXT OFFSET OUTSIDE OUT_ACROSS OUT_ALONG OUT_C OUT_H OUT_MAX OUT_MIN OUT_OF_LINE
    OUT_ROW OUT_STEP OUT_W OUT_ZERO_POINT PAD_LEFT PAD_TOP PAIR PAIRS PARTIAL_PITCH PATCH PATCHES
    PITCH PIXELS PIXEL_PITCH PLANE POSITION POSITIONS REACH ROW ROWS ROW_PIXELS RUN RUN_TAPS SECOND
    SHIFT SQUARE START STEP START_22 START_23 START_32 START_33 STEPS STRIDE_H STRIDE_W SUMS
    TAILS TAP TAPS TAP_GROUPS TAP_STEP TILE TILES VALUE WEIGHTS WEIGHT_WORDS WORDS WORDS_END
    """
)

# What the test program's own symbols begin with.
RESERVED_PREFIX = "convgen_"

# Between a layer's name and the rest of every symbol that is nobody's but its own.
INFIX = "__"

# What follows a layer's or model's name in those of its other files and functions.
FILE_ENDS = ("_weights", "_init", "_begin", "_push_row")

# What follows an operator's name in those of its functions in a model.
OPERATOR_ENDS = ("_rows", "_next", "_turn")

# What a model has beside its operators.
_HELPER = re.compile(r"least|most|keep|cut|border|(initial|kernel|rows)_\d+")

# Types, limits and constant macros of stdint.h and stddef.h.
_STDINT = re.compile(
    r"u?int\w*_t"
    r"|U?INT\w*_(MIN|MAX|C)"
    r"|(PTRDIFF|SIG_ATOMIC|SIZE|WCHAR|WINT)_(MIN|MAX)"
    r"|NULL"
)


def is_helper(name: str) -> bool:
    """Whether an operator called *name* would have a symbol of another, or of its model."""
    return name.endswith(OPERATOR_ENDS) or bool(_HELPER.fullmatch(name))


def objection(name: str) -> str | None:
    """Return why *name* cannot be a layer's, or None."""
    if len(name) > MAX_LENGTH or not IDENTIFIER.fullmatch(name):
        return (
            f"a C identifier: a letter, then letters, digits and underscores, "
            f"at most {MAX_LENGTH} in all"
        )
    taken = (
        (KEYWORDS, "a keyword of C or C++"),
        (LIBRARY, "what the C library uses"),
        (HEADERS, "a header of the C library"),
        (PARAMETERS, "a parameter of the generated function"),
        (CONSTANTS, "a constant of the generated source"),
    )
    for names, what in taken:
        if name in names:
            return f"a name other than {what}"
    if name.startswith(RESERVED_PREFIX):
        return f"a name that does not begin with {RESERVED_PREFIX}, as the test program's do"
    if name.endswith(FILE_ENDS):
        ends = " or ".join(FILE_ENDS)
        return f"a name that does not end in {ends}, as another's files and functions may"
    if INFIX in name:
        return f"a name without {INFIX}, which stands behind the name in a layer's own symbols"
    return "a name other than what stdint.h uses" if _STDINT.fullmatch(name) else None
