#!/usr/bin/env python3
"""Runs `convnet train --tui` in a terminal of its own, presses keys, changes its size, kills it, and judges the screen.

    tools/tui_in_terminal.py target/debug/convnet

Judged are: what the dashboard shows, that p pauses and goes on, that q saves a run which goes on to its end, that a smaller
screen is drawn, and that the terminal is given back as it was (its settings, its screen, its cursor) after the end, after q,
after Ctrl-C twice and after SIGTERM. Needs pyte.
"""

import argparse
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

import pyte


class Terminal:
    """A process in a terminal of its own, and what its screen shows."""

    def __init__(self, arguments, folder, columns=80, lines=24):
        self.master, slave = pty.openpty()
        self.slave = slave
        self.resize(columns, lines)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            arguments, cwd=folder, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.bytes = b""

    def resize(self, columns, lines):
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        if hasattr(self, "process"):
            self.process.send_signal(signal.SIGWINCH)

    def read(self, seconds):
        end = time.time() + seconds
        while time.time() < end:
            if select.select([self.master], [], [], 0.05)[0]:
                data = os.read(self.master, 65536)
                self.bytes += data
                self.stream.feed(data)

    def wait_for(self, text, seconds=60):
        end = time.time() + seconds
        while time.time() < end:
            self.read(0.2)
            if text in self.shown():
                return True
        return False

    def shown(self):
        return "\n".join(self.screen.display)

    def press(self, keys):
        os.write(self.master, keys)

    def end(self, seconds=90):
        end = time.time() + seconds
        while self.process.poll() is None and time.time() < end:
            self.read(0.1)
        self.read(0.3)
        return self.process.poll()

    def given_back(self):
        left = self.bytes.rfind(b"\x1b[?1049l") > self.bytes.rfind(b"\x1b[?1049h") >= 0
        cursor = self.bytes.rfind(b"\x1b[?25h") > self.bytes.rfind(b"\x1b[?25l")
        return left and cursor and termios.tcgetattr(self.slave) == self.before


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("convnet")
    convnet = os.path.abspath(parser.parse_args().convnet)
    wrong = 0

    def judge(good, text, terminal=None):
        nonlocal wrong
        wrong += not good
        print("ok   " if good else "WRONG", text, flush=True)
        if not good and terminal:
            print(terminal.shown())

    with tempfile.TemporaryDirectory() as folder:
        train = [convnet, "train", "lenet", "--tui", "--epochs", "3"]
        t = Terminal([*train, "--out", "run"], folder)
        judge(t.wait_for("images/s") and "loss" in t.shown() and "accuracy" in t.shown(), "the dashboard is drawn", t)
        t.press(b"h")
        judge(t.wait_for("stop after this step", 10), "h shows the keys", t)
        t.press(b"h")
        t.press(b"p")
        judge(t.wait_for("paused", 10), "p pauses", t)
        t.read(0.5)
        still = t.shown()
        t.read(1.5)
        judge(still == t.shown(), "while it is paused nothing goes on", t)
        t.press(b"p")
        t.read(1.0)
        judge("paused" not in t.shown(), "p goes on", t)
        t.resize(60, 18)
        judge(t.wait_for("q stop and save", 10), "a smaller screen is drawn", t)
        t.press(b"q")
        code = t.end()
        judge(code == 1 and b"--resume run" in t.bytes, f"q saves and tells how to go on (exit code {code})", t)
        judge(t.given_back(), "the terminal is given back after q")

        t = Terminal([convnet, "train", "--resume", "run", "--tui"], folder, 120, 40)
        code = t.end(300)
        judge(code == 0 and b"accuracy" in t.bytes, f"the run goes on to its end (exit code {code})", t)
        judge(t.given_back(), "the terminal is given back after the end")
        judge("epoch   train loss" in t.shown() or b"epoch   train loss" in t.bytes, "the epochs are left on the screen", t)

        t = Terminal([*train, "--out", "twice"], folder)
        t.wait_for("images/s")
        t.press(b"p")
        t.wait_for("paused", 10)
        t.press(b"\x03\x03")
        code = t.end()
        judge(code == 1 and t.given_back(), f"Ctrl-C twice leaves at once (exit code {code})", t)

        t = Terminal([*train, "--out", "term"], folder)
        t.wait_for("images/s")
        t.process.send_signal(signal.SIGTERM)
        code = t.end()
        judge(code == 1 and b"--resume term" in t.bytes and t.given_back(), f"SIGTERM saves (exit code {code})", t)

        t = Terminal([*train, "--data", "none", "--out", "bad"], folder)
        code = t.end()
        judge(code == 2 and termios.tcgetattr(t.slave) == t.before, f"an error leaves the terminal alone (exit code {code})", t)
    print(f"{wrong} wrong")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
