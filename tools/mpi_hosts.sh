#!/usr/bin/env bash
# Two hosts on one machine: a pair of network namespaces with a name and an address each, between which Open MPI and MPICH
# carry everything over TCP. Trains LeNet on both, beside one process, and compares the weights; then bench.
#
#     tools/mpi_hosts.sh target/release/convnet
#
# Needs root, ip, unshare and whichever of mpirun.openmpi and mpirun.mpich are to be tried (all that are there).
set -euo pipefail
convnet=$(realpath "$1")
folder=$(mktemp -d)
a=convnet-a-$$ b=convnet-b-$$
finish() {
    ip netns del "$a" 2>/dev/null || true
    ip netns del "$b" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT

ip netns add "$a"
ip netns add "$b"
ip link add to-b netns "$a" type veth peer name to-a netns "$b"
ip -n "$a" addr add 10.213.0.1/24 dev to-b
ip -n "$b" addr add 10.213.0.2/24 dev to-a
for name in "$a" "$b"; do
    ip -n "$name" link set lo up
done
ip -n "$a" link set to-b up
ip -n "$b" link set to-a up

# What the launchers take for ssh: the options, the host, and a command for its shell.
cat >"$folder/agent" <<EOF
#!/usr/bin/env bash
while [[ \$1 == -* ]]; do shift; done
shift
exec ip netns exec $b unshare --uts sh -c 'hostname convnet-b; eval "\$*"' sh "\$@"
EOF
chmod +x "$folder/agent"
on_a() {
    ip netns exec "$a" unshare --uts sh -c 'hostname convnet-a; exec "$@"' sh "$@"
}

# The largest difference of the weights of two files, as a part of a tensor's largest.
cat >"$folder/compare.py" <<'EOF'
import array, json, sys

def tensors(path):
    data = open(path, "rb").read()
    start = 8 + int.from_bytes(data[:8], "little")
    for name, entry in json.loads(data[8:start]).items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            yield name, array.array("f", data[start + first : start + last])

a, b = (dict(tensors(path)) for path in sys.argv[1:])
assert a.keys() == b.keys()
far = max(max(abs(x - y) for x, y in zip(a[name], b[name])) / max(map(abs, a[name])) for name in a)
print(f"weights of two hosts and of one process differ by {far:.1e} of a tensor's largest")
sys.exit(far > 1e-6)
EOF

cd "$folder"
steps=(--recipe sgd-step --limit-steps 20 --batch 32 --threads 1 --quiet)
"$convnet" train lenet "${steps[@]}" --out alone >/dev/null
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
for launcher in mpirun.openmpi mpirun.mpich; do
    command -v "$launcher" >/dev/null || continue
    case $launcher in
    *openmpi)
        hosts=(--host 10.213.0.1:1,10.213.0.2:1 -n 2 --mca plm_rsh_agent "$folder/agent" --mca btl tcp,self
            --mca pml ob1 --mca btl_tcp_if_include 10.213.0.0/24 --mca oob_tcp_if_include 10.213.0.0/24)
        ;;
    *mpich)
        hosts=(-launcher ssh -launcher-exec "$folder/agent" -hosts 10.213.0.1:1,10.213.0.2:1 -n 2 -iface to-b)
        ;;
    esac
    echo "== $launcher, two hosts"
    on_a "$launcher" "${hosts[@]}" hostname | sort | tr '\n' ' '
    echo
    on_a timeout 120 "$launcher" "${hosts[@]}" "$convnet" train lenet "${steps[@]}" --out "$launcher" >/dev/null
    python3 "$folder/compare.py" alone/last.safetensors "$launcher/last.safetensors"
    on_a timeout 120 "$launcher" "${hosts[@]}" "$convnet" bench lenet --mode train --batch 64 --threads 1 --seconds 1 |
        tee bench.txt
    # Two hosts do not look into each other's memory, though these could.
    grep -q "gradients sent" bench.txt
done
