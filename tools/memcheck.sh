#!/usr/bin/env bash
# Runs the kernels' tests under valgrind's memcheck, as docs/memcheck.md describes it; takes some ten minutes. Valgrind
# knows no AVX-512 and shows the program a CPU without it, so that the portable kernels and those for AVX2 run.
# Further arguments go to the tests: a part of a name runs those alone.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="valgrind --error-exitcode=9 --fair-sched=yes --leak-check=full \
    --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect"
tests=(cargo test --release -p convnet-kernels)
sets=$("${tests[@]}" --lib -- --nocapture the_instruction_sets_of_the_machine 2>/dev/null |
    grep -o "instruction sets: .*" || true)
if [ "$sets" != "instruction sets: portable avx2" ]; then
    printf 'expected the portable kernels and those for AVX2, found "%s"\n' "$sets"
    exit 1
fi
"${tests[@]}" --lib --tests -- --test-threads=1 "$@"
