#!/usr/bin/env python3
"""Sends back what it is sent."""

from squall import Node

node = Node()


@node.on("echo")
def echo(msg):
    node.reply(msg, {"type": "echo_ok", "echo": msg["echo"]})


node.run()
