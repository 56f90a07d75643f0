#!/usr/bin/env bash
# Runs the named make targets in order, stops at the first that fails, and ends with how long each took.
set -euo pipefail

summary=""
for stage in "$@"; do
  printf '\n=== %s\n' "${stage}"
  began=${SECONDS}
  if ! "${MAKE:-make}" --no-print-directory "${stage}"; then
    printf '\n%s=== %s FAILED after %d s\n' "${summary}" "${stage}" "$((SECONDS - began))" >&2
    exit 1
  fi
  summary+=$(printf '=== %-12s %4d s' "${stage}" "$((SECONDS - began))")$'\n'
done
printf '\n%s=== all passed  %4d s\n' "${summary}" "${SECONDS}"
