#!/bin/sh
# Checks what `convnet train` does on a disk that fills up: needs root for a tmpfs.
#
# Usage: full_disk.sh CONVNET
# The run must fail with an error that names the file, leave no temporary file and no damaged one behind, and
# go on to the end once there is space.
set -eu
convnet=$(realpath "$1")
place=$(mktemp -d)
trap 'umount "$place" 2>/dev/null; rmdir "$place"' EXIT
mount -t tmpfs -o size=1536k tmpfs "$place"

if "$convnet" train lenet --epochs 2 --out "$place/run" 2>"$place.log"; then
    echo "the run ended well on a full disk" >&2
    exit 1
fi
tail -n 1 "$place.log"
grep -q "No space left on device" "$place.log"
rm "$place.log"
for file in "$place"/run/* "$place"/run/.[!.]*; do
    case $file in
    */config.toml | */metrics.jsonl | *.safetensors | */curves.* | */confusion.* | *'[!.]*') ;;
    *) echo "$file was left behind" >&2 && exit 1 ;;
    esac
done

mount -o remount,size=16m "$place"
"$convnet" train --resume "$place/run"
"$convnet" eval "$place/run"
