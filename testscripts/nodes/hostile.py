#!/usr/bin/env python3
"""An echo node that does something to its harness besides, once, when `init` or an echo comes.

    hostile.py --mode M

huge-line    prints a line of 100 MB                       (at the first echo)
bad-utf8     prints a line that is not UTF-8                (at the first echo)
children     has 50 children that sleep                    (at init)
daemon       leaves a daemon in a session of its own        (at init)
bare-daemon  the same, with nothing in its environment       (at init)
deep-json    sends itself JSON nested 100,000 deep          (at the first echo)
big-int      uses 2^70 as msg_id, in an answer and in a body, and dies if it comes back changed
never-reads  reads nothing after init
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "nodes" / "python"))

from squall import Node, log, write_all  # noqa: E402

HUGE_BYTES = 100_000_000
CHILDREN_COUNT = 50
NESTED_DEEP = 100_000
BIG = 2**70
SLEEP = ["sleep", "1000"]

node = Node()
is_done = False


@node.on("init")
def init(msg):
    if args.mode == "children":
        for _ in range(CHILDREN_COUNT):
            subprocess.Popen(SLEEP)
    if args.mode in ("daemon", "bare-daemon") and os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            log("daemon", os.getpid())
            environment = os.environ if args.mode == "daemon" else {}
            os.execvpe(SLEEP[0], SLEEP, environment)  # it keeps our stdin, stdout and stderr
        os._exit(0)
    if args.mode == "never-reads":
        node.after(0, lambda: time.sleep(1000))


@node.on("echo")
def echo(msg):
    global is_done
    if not is_done and args.mode in ON_ECHO:
        ON_ECHO[args.mode]()
    is_done = True
    node.reply(msg, {"type": "echo_ok", "echo": msg["echo"]})
    if args.mode == "big-int":
        line = json.loads(node._held.pop())
        line["body"]["msg_id"] = BIG
        node._held.append(json.dumps(line) + "\n")


@node.on("big")
def big(msg):
    if (msg["value"], msg["msg_id"]) != (BIG, BIG):
        log("2^70 came back as", msg.body)
        os._exit(4)


def huge_line():
    for _ in range(100):
        write_all(1, b"x" * (HUGE_BYTES // 100))
    write_all(1, b"\n")


def bad_utf8():
    write_all(1, b'{"src":"n0","dest":"c0","body":{"type":"\xff\xfe\xc3("}}\n')


def deep_json():
    to_itself({"type": "deep", "msg_id": 1, "deep": "@"}, "[" * NESTED_DEEP + "]" * NESTED_DEEP)


def big_int():
    to_itself({"type": "big", "msg_id": BIG, "value": BIG})


def to_itself(body, deep=""):
    line = json.dumps({"src": node.id, "dest": node.id, "body": body})
    node._held.append(line.replace('"@"', deep) + "\n")


ON_ECHO = {
    "huge-line": huge_line,
    "bad-utf8": bad_utf8,
    "deep-json": deep_json,
    "big-int": big_int,
}
MODES = sorted(ON_ECHO) + ["bare-daemon", "children", "daemon", "never-reads"]
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--mode", choices=MODES, required=True)
args = parser.parse_args()
node.run()
