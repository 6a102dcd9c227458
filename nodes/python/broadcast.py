#!/usr/bin/env python3
"""Brings every value to every node, whatever the network and the nodes go through.

The first node is the hub of a star: two hops to anywhere, whatever topology is asked for. Every
0.1 s a node sends each neighbour, in one batch, what that one has not acknowledged. A value is
acknowledged, to clients and neighbours alike, when it is on disk, and is sent again until it is.
"""

from squall import FOREVER, Node

BATCH_SECONDS = 0.1
RESEND_SECONDS = 0.6  # above a round trip, or values travel twice for nothing

node = Node()
values = node.durable_set("values")
waiting = {}  # neighbour → {value it has not acknowledged: when to send it}


@node.on("init")
def init(msg):
    hub = node.ids[0]
    for neighbour in node.peers if node.id == hub else [hub]:
        # What it acknowledged to a former life of this node is forgotten.
        waiting[neighbour] = dict.fromkeys(values, 0)
        pull(neighbour)


@node.on("topology")
def topology(msg):
    node.reply(msg, {"type": "topology_ok"})


@node.on("broadcast")
def broadcast(msg):
    learn([msg["message"]], msg.src)
    node.reply(msg, {"type": "broadcast_ok"})


@node.on("read")
def read(msg):
    node.reply(msg, {"type": "read_ok", "messages": list(values)})


@node.on("gossip")
def gossip(msg):
    learn(msg["values"], msg.src)
    node.reply(msg, {"type": "gossip_ok"})


def pull(neighbour):
    """A node without a disk gets back what it knew before it was killed."""
    node.rpc(neighbour, {"type": "read"}, lambda a: learn(a["messages"], neighbour), tries=FOREVER)


def learn(news, source):
    for value in news:
        if values.add(value):
            for neighbour in waiting.keys() - {source}:
                waiting[neighbour][value] = 0


def send_batches():
    for neighbour, due in waiting.items():
        batch = [value for value in due if due[value] <= node.now()]
        if batch:
            due.update(dict.fromkeys(batch, node.now() + RESEND_SECONDS))
            send_batch(neighbour, batch)


def send_batch(neighbour, batch):
    def forget(answer):
        for value in batch if not answer.error else []:
            waiting[neighbour].pop(value, None)

    node.rpc(neighbour, {"type": "gossip", "values": batch}, forget, timeout=RESEND_SECONDS)


node.every(BATCH_SECONDS, send_batches)
if __name__ == "__main__":
    node.run()
