#!/bin/sh
# Installs what convgen and its tests need on Debian 12: compilers and emulators from Debian,
# Python packages into .venv. Run it as root, or as a user who may sudo. When nothing is missing
# it does nothing. With the argument `tests` it installs what only tests need, too. Used by the Makefile, docker/Dockerfile and .ci/run.
set -eu

cd "$(dirname "$0")/.."

fail() {
    echo "setup: $1" >&2
    exit 1
}

installed() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# Prints the first Python that can make a virtual environment for convgen.
find_python() {
    for candidate in python3 /usr/bin/python3; do
        if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
            2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

# What .venv was made from; it is brought up to date when this changes.
recipe() {
    pwd
    cat pyproject.toml
}

command -v dpkg-query >/dev/null ||
    fail "needs Debian or a system made from it; docker/Dockerfile works on any other"

for_tests=
[ "${1:-}" != tests ] || for_tests="chromium cmake ninja-build"
set --
for package in $for_tests make git python3 python3-venv gcc g++ libc6-dev binutils \
    gcc-arm-none-eabi gcc-riscv64-unknown-elf \
    qemu-system-arm qemu-system-misc qemu-user gdb-multiarch; do
    installed "$package" || set -- "$@" "$package"
done

if [ $# -gt 0 ]; then
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        fail "needs root or sudo for: apt-get install $*"
    echo "setup: installing Debian packages: $*"
    as_root apt-get -qq update
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq --yes --no-install-recommends install "$@" >/dev/null
fi

if ! { [ -x .venv/bin/python ] && recipe | cmp -s - .venv/recipe; }; then
    python=$(find_python) || fail "needs Python 3.11 or newer with venv; found none"
    echo "setup: installing Python packages into .venv"
    .venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[portable,test]'
    recipe >.venv/recipe
fi

# As pip does for packages: where Python may not write bytecode itself, each run would compile all modules again.
.venv/bin/python -m compileall -q codegen/convgen
