#!/usr/bin/env bash
# Installs convgen, with its compiler and emulator as Python packages, into a virtual environment that
# later steps find first.
set -euo pipefail

checkout=$(cd "$(dirname "$0")/../.." && pwd)
place=${RUNNER_TEMP:?}/convgen
python3 -m venv "$place"
"$place/bin/pip" install --quiet --disable-pip-version-check "${checkout}[onnx,portable]"
echo "$place/bin" >>"${GITHUB_PATH:?}"
