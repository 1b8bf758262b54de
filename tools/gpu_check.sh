#!/usr/bin/env bash
# All checks that need an NVIDIA GPU, on card 0: each operation beside plain loops in double precision, networks beside the CPU in three
# precisions, the oracle's tests, and engines, trainings and probes by their public face; then times of steps.
#
#     tools/gpu_check.sh                    every network of the zoo
#     tools/gpu_check.sh lenet resnet18:64  these, at a side
#
# Needs what docs/gpu.md names: the driver, NVRTC, cuBLAS and cuDNN.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== operations"
cargo run --release -q -p convnet-gpu --example gpu_check

for precision in fp32 tf32 bf16; do
    echo "== networks, $precision"
    cargo run --release -q -p convnet --example gpu_parity -- --precision "$precision" "$@"
done

echo "== the library's tests"
CONVNET_TEST_CARD=0 cargo test --profile tests -p convnet --lib -- oracle_tests gpu:: supply_tests

echo "== times"
cargo build --release -q
target/release/convnet bench lenet --mode train --batch 64 --device gpu
target/release/convnet bench resnet18 resnet50 googlenet densenet121 vgg16 --mode train --batch 64 --device gpu
target/release/convnet bench resnet18 --batch 32 --device gpu --precision tf32
