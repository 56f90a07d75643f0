#!/usr/bin/env bash
# Runs the named make targets in order, stops at the first that fails, and ends with how long each took.
# Targets joined by a plus, such as lint+unit, run side by side; what each says is printed when it has ended.
set -euo pipefail

logs=$(mktemp -d)
trap 'rm -rf "${logs}"' EXIT
trap 'jobs -p | xargs -r kill; exit 130' INT TERM

run() {
  "${MAKE:-make}" --no-print-directory "$1"
}

run_side_by_side() {
  local name failed=0
  local -A processes=()
  for name in "$@"; do
    run "${name}" >"${logs}/${name}" 2>&1 &
    processes[${name}]=$!
  done
  for name in "$@"; do
    wait "${processes[${name}]}" || failed=1
    printf '\n--- %s\n' "${name}"
    cat "${logs}/${name}"
  done
  return "${failed}"
}

summary=""
for stage in "$@"; do
  printf '\n=== %s\n' "${stage}"
  began=${SECONDS}
  IFS=+ read -ra names <<<"${stage}"
  if [ "${#names[@]}" -gt 1 ]; then run_side_by_side "${names[@]}"; else run "${stage}"; fi || {
    printf '\n%s=== %s FAILED after %d s\n' "${summary}" "${stage}" "$((SECONDS - began))" >&2
    exit 1
  }
  summary+=$(printf '=== %-16s %4d s' "${stage}" "$((SECONDS - began))")$'\n'
done
printf '\n%s=== all passed      %4d s\n' "${summary}" "${SECONDS}"
