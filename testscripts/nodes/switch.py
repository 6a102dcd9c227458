#!/usr/bin/env python3
"""A right node for echo, unique-ids, broadcast and lin-kv, in which one bug can be switched on.

    switch.py [--bug NAME] [--every K]        or SWITCH_BUG=NAME in the environment

A bug fires by count, never by chance: at every K-th request of a client (default 5), or from the
K-th on where it can fire only once.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "nodes" / "python"))

import broadcast  # noqa: E402
from broadcast import node  # noqa: E402
from squall import FOREVER, log, write_all  # noqa: E402

REQUESTS = ("echo", "generate", "broadcast", "read", "write", "cas")
FLOOD_LINES = 10_000

count = 0  # of clients' requests, the present one included
last_id = None
cache = {}  # the last known values; only the stale read looks at them


# The right node. `broadcast` and `topology` are served by nodes/python/broadcast.py.


@node.on("echo")
def echo(msg):
    node.reply(msg, {"type": "echo_ok", "echo": msg["echo"]})


@node.on("generate")
def generate(msg):
    global last_id
    if not (now("duplicate-ids") and last_id):
        last_id = "{}-{}".format(node.id, node.fresh())
    node.reply(msg, {"type": "generate_ok", "id": last_id})


@node.on("read")
def read(msg):
    if "key" not in msg.body:
        broadcast.read(msg)
    elif args.bug == "stale-read" and str(msg["key"]) in cache:
        node.reply(msg, {"type": "read_ok", "value": cache[str(msg["key"])]})
    else:
        forward(msg)


@node.on("write")
def write(msg):
    if now("lost-write"):
        node.reply(msg, {"type": "write_ok"})
    else:
        forward(msg)


@node.on("cas")
def forward(msg):
    def pass_on(answer):
        if not answer.error:
            written = msg.body.get("value", msg.body.get("to"))
            cache[str(msg["key"])] = answer.body.get("value", written)
        node.reply(msg, answer.body)

    node.rpc("lin-kv", msg.body, pass_on)


# The bugs that do not ask what a request means.


def now(bug):
    """Is this the moment for `bug`?"""
    return args.bug == bug and count % args.every == 0


def count_requests(handle):
    def counted(msg):
        global count
        if msg.type in REQUESTS and msg.src.startswith("c"):
            count += 1
            before(msg)
        handle(msg)

    return counted


def before(msg):
    if now("debug-print"):
        node._release()
        write_all(1, "handling {} from {}\n".format(msg.type, msg.src).encode())
    if now("floods-stderr"):
        for number in range(FLOOD_LINES):
            sys.stderr.write("line {} about request {}\n".format(number, count))
    if now("dies-later"):
        log("giving up at request", count)
        sys.exit(3)
    if now("closes-stdout"):
        node._release()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def answer_wrongly(right):
    def reply(msg, body):
        if msg.type not in REQUESTS or not msg.src.startswith("c"):
            return right(msg, body)
        if args.bug == "never-answers":
            return None
        if now("wrong-type"):
            body = dict(body, type="fine")
        if now("extra-key"):
            body = dict(body, debug="served by " + node.id)
        if now("replies-twice"):
            right(msg, body)
        right(msg, body)
        if now("no-newline"):
            node._held[-1] = node._held[-1].rstrip("\n")
        return None

    return reply


BUGS = (
    "drops-under-partition duplicate-ids stale-read lost-write replies-twice wrong-type extra-key "
    "debug-print no-newline dies-at-once dies-later never-answers floods-stderr closes-stdout"
).split()
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--bug", choices=BUGS, default=os.environ.get("SWITCH_BUG"), metavar="NAME")
parser.add_argument("--every", type=int, default=5, metavar="K")
args = parser.parse_args()

if args.bug and args.bug not in BUGS:
    parser.error("SWITCH_BUG={} is none of: {}".format(args.bug, " ".join(BUGS)))
if args.bug == "dies-at-once":
    log("cannot start today")
    sys.exit(1)
if args.bug == "drops-under-partition":
    broadcast.RESEND_SECONDS = FOREVER
if args.bug:
    node._handle = count_requests(node._handle)
    node.reply = answer_wrongly(node.reply)
node.run()
