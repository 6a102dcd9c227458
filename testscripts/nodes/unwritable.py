#!/usr/bin/env python3
"""A node whose answers cannot be written as JSON."""

import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "nodes", "python"))

from squall import Node  # noqa: E402

node = Node()


@node.on("echo")
def echo(msg):
    node.reply(msg, {"type": "echo_ok", "echo": {msg["echo"]}})


node.run()
