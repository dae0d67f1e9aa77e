#!/usr/bin/env bash
# Runs convgen with the inputs of action.yml, which come as CONVGEN_*; compares with the stored report,
# and writes both to the summary of the job. Ends as convgen did, else as the comparison did.
set -uo pipefail

out=${CONVGEN_OUT:?}
summary=${GITHUB_STEP_SUMMARY:?}
arguments=(--target "${CONVGEN_TARGET:?}" --out "$out" --junit "$out.junit.xml")
[ -z "${CONVGEN_BUDGET:-}" ] || arguments+=(--budget "$CONVGEN_BUDGET")
[ -z "${CONVGEN_FLASH:-}" ] || arguments+=(--flash "$CONVGEN_FLASH")
# As a shell would split them, but nothing in them is run.
[ -z "${CONVGEN_OPTIONS:-}" ] || while IFS= read -r -d '' option; do arguments+=("$option"); done \
    < <(printf '%s' "$CONVGEN_OPTIONS" | xargs printf '%s\0')

mkdir -p "$(dirname "$out")"
{
    echo "### convgen: ${CONVGEN_SPEC:?}"
    echo '```text'
    convgen "${arguments[@]}" "$CONVGEN_SPEC" 2>&1
    status=$?
    echo '```'
} >>"$summary"
[ ! -f "$out/report.json" ] || echo "report=$out/report.json" >>"${GITHUB_OUTPUT:?}"

if [ -n "${CONVGEN_BASELINE:-}" ] && [ -f "$out/report.json" ]; then
    limits=()
    [ -z "${CONVGEN_FAIL_ON:-}" ] || limits=(--fail-on "$CONVGEN_FAIL_ON")
    echo "### Since $CONVGEN_BASELINE" >>"$summary"
    convgen --diff "$CONVGEN_BASELINE" "$out/report.json" "${limits[@]}" --format markdown >>"$summary"
    compared=$?
    [ "$status" -ne 0 ] || status=$compared
fi
exit "$status"
