#!/usr/bin/env bash
# Runs the tests that bear the given markers: first the Python tests, JOBS files at a time, without Brownie's plugin
# (it would compile and start a chain for each run), then the contract tests under Brownie. Fails if either fails or if
# nothing ran. A test that takes its process along ends the run: pytest-xdist, going on, would wait forever in the end.
set -uo pipefail
cd "$(dirname "$0")/.."
markers=${1:?usage: tools/test.sh MARKERS}
results=out/tests
rm -rf "$results" && mkdir -p "$results"
failed=0
[ "$markers" != long ] || limits=--timeout=7200

run() { # NAME COMMAND...: pytest's exit status 5 says that no test bears the markers
  local name=$1 status=0
  shift
  PYTEST_ADDOPTS="--junitxml=$PWD/$results/$name.xml -m '$markers' ${limits:-}" "$@" || status=$?
  [ "$status" = 0 ] || [ "$status" = 5 ] || failed=1
}

run python .venv/bin/python -m pytest -p no:pytest-brownie --ignore=tests/contracts -q -n "${JOBS:-2}" --dist loadfile \
  --no-loadscope-reorder --max-worker-restart=0 --durations=15
if compgen -G "tests/contracts/test_*.py" >/dev/null; then
  run contracts tools/brownie test tests/contracts
fi
.venv/bin/python tools/tally.py "$results" || failed=1
exit "$failed"
