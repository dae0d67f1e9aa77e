"""Names a layer cannot have, because some part of a C or C++ program has them already."""

from __future__ import annotations

import re

MAX_LENGTH = 63  # what C99 promises to tell apart
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

# GCC checks a declaration against each of these even without its header; math functions also
# exist with the suffixes f and l.
_MATH = _words(
    """
    acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1
    fabs fdim floor fma fmax fmin fmod frexp hypot ilogb ldexp lgamma llrint llround log log10
    log1p log2 logb lrint lround modf nan nearbyint nextafter nexttoward pow remainder remquo rint
    round scalbln scalbn sin sinh sqrt tan tanh tgamma trunc
    """
)
LIBRARY = frozenset(name + suffix for name in _MATH for suffix in ("", "f", "l")) | _words(
    """
    memchr memcmp memcpy memmove memset strcat strchr strcmp strcoll strcpy strcspn strerror
    strlen strncat strncmp strncpy strpbrk strrchr strspn strstr strtok strxfrm
    abort abs atexit atof atoi atol atoll bsearch calloc div exit free getenv labs ldiv llabs
    lldiv malloc mblen mbstowcs mbtowc qsort rand realloc srand strtod strtof strtol strtold
    strtoll strtoul strtoull system wcstombs wctomb
    clearerr fclose feof ferror fflush fgetc fgetpos fgets fopen fprintf fputc fputs fread freopen
    fscanf fseek fsetpos ftell fwrite getc getchar gets perror printf putc putchar puts remove
    rename rewind scanf setbuf setvbuf snprintf sprintf sscanf tmpfile tmpnam ungetc vfprintf
    vfscanf vprintf vscanf vsnprintf vsprintf vsscanf
    isalnum isalpha isblank iscntrl isdigit isgraph islower isprint ispunct isspace isupper
    isxdigit tolower toupper
    alloca bcmp bcopy bzero close ffs index read rindex sbrk write
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

# Types, limits and constant macros of stdint.h and stddef.h.
_STDINT = re.compile(
    r"u?int\w*_t"
    r"|U?INT\w*_(MIN|MAX|C)"
    r"|(PTRDIFF|SIG_ATOMIC|SIZE|WCHAR|WINT)_(MIN|MAX)"
    r"|NULL"
)


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
    )
    for names, what in taken:
        if name in names:
            return f"a name other than {what}"
    return "a name other than what stdint.h uses" if _STDINT.fullmatch(name) else None
