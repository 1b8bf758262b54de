"""Requests a second and their times: `convnet serve` beside ONNX Runtime behind FastAPI, and what `convnet bench` reaches without
a network between.

    python bench/serve.py lenet resnet18 [--connections 1 8 32] [--seconds 5] [--rounds 3]
    python bench/serve.py --trouble

Both servers get the same requests, of one image in float32 as bytes, by the same client on the same cores (wrk, a Debian package),
in turn; medians over the rounds. The share is that of `bench` at the batch of `serve`: it counts what HTTP and the client take.
`--trouble` opens a thousand connections of which most are silent, slow, too large or nonsense, and asks properly beside them: it
ends with 1 if an answer is missing or wrong, or the memory is more than was allowed.
Needs onnxruntime, fastapi, uvicorn and numpy; CONVNET is the program [target/release/convnet].
"""

import argparse
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy

CONVNET = os.environ.get("CONVNET", "target/release/convnet")
BATCH = 8

PEER = '''
import numpy, onnxruntime, sys
from fastapi import FastAPI, Request, Response
options = onnxruntime.SessionOptions()
session = onnxruntime.InferenceSession(sys.argv[1], options)
name, shape = session.get_inputs()[0].name, session.get_inputs()[0].shape
app = FastAPI()
@app.get("/v2/health/ready")
def ready():
    return {}
def answer(body):
    image = numpy.frombuffer(body, numpy.float32).reshape(1, *shape[1:])
    return session.run(None, {name: image})[0].tobytes()
@app.post("/infer")
async def infer(request: Request):
    length = int(request.headers.get("inference-header-content-length", 0))
    body = (await request.body())[length:]
    from starlette.concurrency import run_in_threadpool
    return Response(await run_in_threadpool(answer, body))
import uvicorn
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
'''


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def started(command, port):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as s:
                s.sendall(f"GET /v2/health/ready HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
                if b"200" in s.recv(64):
                    return process
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{command[0]} does not answer")


def stop(process):
    process.send_signal(signal.SIGINT)
    process.wait(30)


def request(shape, image):
    parameters = {"binary_data_size": image.nbytes}
    tensor = {"name": "input", "datatype": "FP32", "shape": [1, *shape], "parameters": parameters}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return head, head + image.tobytes()


LUA = '''
local file = io.open("{body}", "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Inference-Header-Content-Length"] = "{length}"
file:close()
'''


def loaded(url, script, connections, seconds):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script, url]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        sys.exit(told)
    units = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s|m)", told).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", told).group(1)), float(value) * units[unit]


def benched(net):
    told = subprocess.run([CONVNET, "bench", net, "--batch", str(BATCH), "--json"], check=True, capture_output=True, text=True)
    return json.loads(told.stdout)


def compare(nets, given):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "peer.py").write_text(PEER)
        print("| network | connections | convnet, requests/s | p99 | FastAPI + ONNX Runtime | p99 | ratio |")
        print("|---|---|---|---|---|---|---|")
        for net in nets:
            weights, onnx = folder / f"{net}.safetensors", folder / f"{net}.onnx"
            for out in (weights, onnx):
                subprocess.run([CONVNET, "convert", net, out, "--seed", "0"], check=True, stdout=subprocess.DEVNULL)
            ports = [free_port(), free_port()]
            serve = [CONVNET, "serve", net, "--weights", weights, "--listen", str(ports[0]), "--batch", str(BATCH)]
            servers = [
                started(list(map(str, serve)), ports[0]),
                started([sys.executable, str(folder / "peer.py"), str(onnx), str(ports[1])], ports[1]),
            ]
            try:
                shape = metadata(ports[0], net)
                head, body = request(shape, numpy.random.default_rng(0).standard_normal(shape).astype(numpy.float32))
                (folder / "body").write_bytes(body)
                (folder / "load.lua").write_text(LUA.format(body=folder / "body", length=len(head)))
                urls = [f"http://127.0.0.1:{ports[0]}/v2/models/{net}/infer", f"http://127.0.0.1:{ports[1]}/infer"]
                for connections in given.connections:
                    found = [[], []]
                    for _ in range(given.rounds):
                        for place, url in enumerate(urls):
                            found[place].append(loaded(url, folder / "load.lua", connections, given.seconds))
                    ours, theirs = ([statistics.median(x) for x in zip(*rounds)] for rounds in found)
                    print(
                        f"| `{net}` | {connections} | {ours[0]:,.0f} | {ours[1]:.1f} ms | {theirs[0]:,.0f} | {theirs[1]:.1f} ms "
                        f"| {ours[0] / theirs[0]:.2f} |",
                        flush=True,
                    )
            finally:
                for server in servers:
                    stop(server)
            print(f"`bench {net} --batch {BATCH}`: {json.dumps(benched(net))}", file=sys.stderr, flush=True)


def metadata(port, net):
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        s.sendall(f"GET /v2/models/{net} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        told = b"".join(iter(lambda: s.recv(65536), b""))
    return json.loads(told.split(b"\r\n\r\n", 1)[1])["inputs"][0]["shape"][1:]


def memory(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024


def trouble():
    """A thousand connections at once, few of them good."""
    allowed = 256
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "lenet.safetensors"
        subprocess.run([CONVNET, "convert", "lenet", weights, "--seed", "0"], check=True, stdout=subprocess.DEVNULL)
        port = free_port()
        limits = ["--memory", str(allowed), "--max-body", "8"]
        server = started([CONVNET, "serve", "lenet", "--weights", str(weights), "--listen", str(port), *limits], port)
        before = memory(server.pid)
        shape = metadata(port, "lenet")
        head, body = request(shape, numpy.ones(shape, numpy.float32))
        path = "/v2/models/lenet/infer"
        top = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode()
        good = top + f"Inference-Header-Content-Length: {len(head)}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
        large = b"x" * (7 << 20)
        bad = [
            b"",  # silent
            top[:20],  # half a head
            top + b"Content-Length: 8000000\r\n\r\n" + large[: 1 << 20],  # a slow body
            top + b"Content-Length: 99999999999\r\n\r\n",  # too large
            top + b"Content-Length: 7340032\r\n\r\n" + large,  # as large as may be, no JSON
            b"\x16\x03\x01nonsense\r\n\r\n",
            top + b"Content-Length: 11\r\n\r\n{\"inputs\":[",
        ]
        open_ones = []

        def misbehave():
            for number in range(900):
                try:
                    s = socket.create_connection(("127.0.0.1", port), 10)
                    s.settimeout(10)
                    open_ones.append(s)
                    s.sendall(bad[number % len(bad)])
                except OSError:
                    pass

        answers = []

        def behave():
            for _ in range(50):
                try:
                    with socket.create_connection(("127.0.0.1", port), 60) as s:
                        s.settimeout(60)
                        s.sendall(good)
                        answers.append(b"".join(iter(lambda: s.recv(65536), b"")))
                except OSError as error:
                    answers.append(repr(error).encode())

        threads = [threading.Thread(target=misbehave)] + [threading.Thread(target=behave) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = [answer.split(b" ")[1].decode() if answer.startswith(b"HTTP") else answer.decode() for answer in answers]
        logits = {answer[-40:] for answer in answers if answer.startswith(b"HTTP/1.1 200")}
        after = memory(server.pid)
        stop(server)
        counts = {status: statuses.count(status) for status in sorted(set(statuses))}
        print(f"{len(open_ones)} connections that misbehave, {len(answers)} good requests: {counts}, {len(logits)} distinct answers")
        print(f"largest memory {before:.0f} MiB before, {after:.0f} MiB after; {allowed} MiB were allowed for requests")
        fine = len(answers) == 5000 and set(counts) <= {"200", "503"} and counts.get("200", 0) > 0 and len(logits) == 1
        return 0 if fine and after - before < 1.5 * allowed + 100 else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nets", nargs="*")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trouble", action="store_true")
    given = parser.parse_args()
    if given.trouble:
        sys.exit(trouble())
    compare(given.nets, given)


if __name__ == "__main__":
    main()
