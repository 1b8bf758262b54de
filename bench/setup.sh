#!/usr/bin/env bash
# Installs the peers that convnet is compared with (6 GB) and builds convnet.
set -euo pipefail
cd "$(dirname "$0")/.."
venv="${CONVNET_PEERS:-$HOME/.cache/convnet-peers}"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet -r bench/requirements.txt
cargo build --release
echo "ready: $venv/bin/python bench/compare.py"
