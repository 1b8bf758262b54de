#!/usr/bin/env bash
# Fails where the command calls SIMD intrinsics as functions: code that should have been inlined into a function with the
# instruction set was not, which is right but many times slower.
set -euo pipefail
cd "$(dirname "$0")/.."
# The command as the tests build it, so that it is not built twice.
cargo test --profile tests --workspace --no-run -q
# _xgetbv is part of detecting the instruction set. What the kernels never name is other crates'.
found=$(nm -C target/tests/convnet | grep ' core::core_arch::' | grep -v _xgetbv | while read -r line; do
    grep -rqw "${line##*:}" crates/kernels/src && echo "$line"
done || true)
if [ -n "$found" ]; then
    printf 'intrinsics that are functions of their own:\n%s\n' "$found"
    exit 1
fi
echo "all intrinsics are inlined"
