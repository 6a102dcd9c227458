#!/usr/bin/env bash
# Installs nodes that were not made here, unmodified, from a package registry into DIR, and prints
# one line `WORKLOAD PATH` for each. They are the foreign witness of the wire protocol: programs
# on somebody else's Maelstrom library, right on Gossip Glomers 1, 2 and 3a to 3c.
#
#   .ci/foreign-node.sh DIR
#
# Their unique-ids node makes an id of its own id and the client's msg_id. It is right as long as
# a node has one client (2 of Gossip Glomers), and gives duplicates with --concurrency 2n: a
# foreign bug that has to be found.
set -euo pipefail

dir=${1:?usage: .ci/foreign-node.sh DIR}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

# Run from DIR, so that no settings of this workspace apply.
(cd "$dir" && cargo install maelbreaker --version 0.1.0 --locked --quiet \
  --example echo --example unique --example broadcast \
  --root "$dir" --target-dir "$dir/target") >&2

echo "echo $dir/bin/echo"
echo "unique-ids $dir/bin/unique"
echo "broadcast $dir/bin/broadcast"
