"""A node of a distributed system that speaks JSON lines on stdin and stdout.

    from squall import Node

    node = Node()

    @node.on("echo")
    def echo(msg):
        node.reply(msg, {"type": "echo_ok", "echo": msg["echo"]})

    node.run()

One file, standard library only, one thread. It works under squall and under Maelstrom.

The loop takes turns. A turn fires the timers that are due, reads what has come, calls the handlers,
makes what they stored durable with one sync, and only then writes what they sent. So no answer
promises what a crash could still take away, and a hundred requests cost one sync.

What this does not do: threads, coroutines, bounds on what a harness may send. Time is the wall
clock's. `Node.now` and `Node._wait` are the only places that know a clock, so that a harness which
serves time (it would announce SQUALL_TIMER=1) needs no change elsewhere.
"""

import heapq
import json
import os
import random
import select
import sys
import time
import traceback

# The protocol's error codes. All but TIMEOUT and CRASH say that the request had no effect.
TIMEOUT = 0
NODE_NOT_FOUND = 1
NOT_SUPPORTED = 10
TEMPORARILY_UNAVAILABLE = 11
MALFORMED_REQUEST = 12
CRASH = 13
ABORT = 14
KEY_DOES_NOT_EXIST = 20
KEY_ALREADY_EXISTS = 21
PRECONDITION_FAILED = 22
TXN_CONFLICT = 30

CHUNK_BYTES = 1 << 20
FOREVER = float("inf")


def log(*words):
    """Writes a line to the node's log. Stdout is the wire; this goes to stderr."""
    print(*words, file=sys.stderr, flush=True)


class RPCError(Exception):
    """Raise it in a handler, or in a callback of `rpc`, to refuse the request."""

    def __init__(self, code, text=""):
        super().__init__(code, text)
        self.code = code
        self.text = text

    @property
    def body(self):
        return {"type": "error", "code": self.code, "text": self.text}


class Message:
    """What came: `src`, `dest`, `body`, and `msg["field"]` for a field that has to be there."""

    def __init__(self, src, dest, body):
        self.src = src
        self.dest = dest
        self.body = body
        self.answered = False

    def __getitem__(self, field):
        if self.error:
            raise self.error
        if field not in self.body:
            raise RPCError(MALFORMED_REQUEST, "missing field " + json.dumps(field))
        return self.body[field]

    @property
    def type(self):
        return self.body.get("type")

    @property
    def error(self):
        """The `RPCError` that this answer carries, or None."""
        if self.type != "error":
            return None
        return RPCError(self.body.get("code"), self.body.get("text", ""))


class Timer:
    """What `after` and `every` return. A cancelled timer never fires."""

    def __init__(self, call):
        self.call = call

    def cancel(self):
        self.call = None


class DurableSet:
    """A set of numbers and strings that only grows, kept in a file that is only appended to.

    What is added is on disk before anything that is sent in the same turn leaves. Without a path
    it lives in memory, and a crash takes it.
    """

    def __init__(self, path=None):
        self._values = {}
        self._unwritten = []
        self._file = open(path, "a+b", buffering=0) if path else None
        if self._file:
            self._load()
            # A former life may have written without a sync, and died.
            os.fsync(self._file.fileno())
            sync_folder(os.path.dirname(path))

    def add(self, value):
        """Adds `value`; says whether it is new."""
        if value in self._values:
            return False
        self._values[value] = None
        self._unwritten.append(value)
        return True

    def __contains__(self, value):
        return value in self._values

    def __iter__(self):
        return iter(self._values)

    def __len__(self):
        return len(self._values)

    def sync(self):
        """Makes durable what was added. The loop does this before anything leaves."""
        if self._file and self._unwritten:
            lines = "".join(json.dumps(value) + "\n" for value in self._unwritten)
            write_all(self._file.fileno(), lines.encode())
            os.fsync(self._file.fileno())
        self._unwritten.clear()

    def _load(self):
        # A torn line was never synced: nothing after it can have been acknowledged.
        self._file.seek(0)
        good_bytes = 0
        for line in self._file.readall().splitlines(keepends=True):
            try:
                value = json.loads(line)
            except ValueError:
                break
            if not line.endswith(b"\n"):
                break
            self._values[value] = None
            good_bytes += len(line)
        self._file.truncate(good_bytes)


class Node:
    """One node: `id`, `ids` (everybody) and `peers` (everybody else), known once `init` came."""

    def __init__(self):
        self.id = None
        self.ids = []
        self.peers = []
        self.data = os.environ.get("SQUALL_DATA")  # a folder that survives a kill, or None
        self.random = random.Random()  # under squall it depends on the seed and the id only
        self._handlers = {}
        self._calls = {}  # msg_id → what to do with the answer
        self._request = None  # what is being handled
        self._timers = []  # a heap of (due, order, timer)
        self._armed_count = 0
        self._sets = []
        self._next_id = None
        self._partial = []  # chunks of a line whose end has not come
        self._held = []  # lines that leave at the end of the turn

    # What an author uses.

    def on(self, *types):
        """Decorator: calls the function with every message of one of these types.

        A handler of "init" runs just before `init_ok`, which is sent for it.
        """

        def register(handler):
            self._handlers.update(dict.fromkeys(types, handler))
            return handler

        return register

    def send(self, dest, body):
        """Sends a message that may be lost and that nobody answers."""
        self._post(dest, body, {})

    def reply(self, request, body):
        """Answers `request`."""
        msg_id = request.body.get("msg_id")
        self._post(request.src, body, {} if msg_id is None else {"in_reply_to": msg_id})
        request.answered = True  # not if the body is no JSON: then the client gets an error

    def rpc(self, dest, body, then=None, timeout=1.0, tries=1):
        """Sends a request and calls `then(answer)` once.

        A request that is not answered within `timeout` seconds is sent again, `tries` times in all
        (or `FOREVER`; only if it may take effect twice); after the last the answer is an error of
        code 0. An error that `then` raises, or meets by reading a field of an error, goes to the
        client whose request was being handled when the call was made.
        """
        msg_id = self.fresh()
        request = self._request
        tries_left = tries
        timer = None

        def attempt():
            nonlocal tries_left, timer
            if tries_left > 0:
                tries_left -= 1
                self._post(dest, body, {"msg_id": msg_id})
                timer = self.after(timeout, attempt)
            else:
                finish(Message(dest, self.id, RPCError(TIMEOUT, "no answer from " + dest).body))

        def finish(answer):
            timer.cancel()
            del self._calls[msg_id]
            if then:
                self._guard(request, then, answer)

        self._calls[msg_id] = finish
        attempt()

    def after(self, seconds, call):
        """Calls `call()` once, `seconds` from now and not before `init`."""
        timer = Timer(call)
        self._arm(seconds, timer)
        return timer

    def every(self, seconds, call):
        """Calls `call()` again and again, `seconds` apart."""

        def fire():
            self._arm(seconds, timer)
            call()

        timer = self.after(seconds, fire)
        return timer

    def now(self):
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def fresh(self):
        """An integer that this node never had before, not even in a former life."""
        if self._next_id is None:
            self._next_id = self._first_id()
        self._next_id += 1
        return self._next_id - 1

    def durable_set(self, name):
        """The `DurableSet` of that name, with all that former lives put in if `data` is set."""
        self._sets.append(DurableSet(self.data and os.path.join(self.data, name)))
        return self._sets[-1]

    def run(self):
        """Serves until stdin ends."""
        if hasattr(sys, "set_int_max_str_digits"):
            sys.set_int_max_str_digits(0)  # integers of any size pass
        sys.stdout = sys.stderr  # a stray print() goes to the log, not on the wire
        try:
            while self._turn():
                pass
        except (KeyboardInterrupt, BrokenPipeError):
            pass  # the harness is gone

    # A turn, in the order of a message's life.

    def _turn(self):
        try:
            seconds = self._fire_due_timers()
            self._release()
            chunk = self._wait(seconds)
            for line in self._lines(chunk):
                self._receive(line)
        finally:
            self._release()
        return chunk != b""

    def _wait(self, seconds):
        """The bytes that come within `seconds`: None if none do, b"" at the end of stdin."""
        if select.select([0], [], [], seconds)[0]:
            return os.read(0, CHUNK_BYTES)
        return None

    def _lines(self, chunk):
        """The lines that `chunk` completes. The last line of all may lack its end."""
        if chunk is None:
            return []
        *ends, rest = (chunk or b"\n").split(b"\n")
        lines = []
        for end in ends:
            lines.append(b"".join(self._partial) + end)
            self._partial = []
        if rest:
            self._partial.append(rest)
        return [line for line in lines if line.strip()]

    def _receive(self, line):
        try:
            envelope = json.loads(line)
            msg = Message(envelope["src"], envelope["dest"], envelope["body"])
            in_reply_to = msg.body.get("in_reply_to")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            log("not a message:", repr(error), line[:200])
            return
        if self.id is None and msg.type != "init":
            log("came before init, dropped:", line[:200])
        elif in_reply_to is None:
            self._guard(msg, self._handle, msg)
        elif type(in_reply_to) is int and in_reply_to in self._calls:
            self._calls[in_reply_to](msg)
        # Else it answers a call that is over, or one of a former life.

    def _handle(self, msg):
        if not isinstance(msg.type, str):
            raise RPCError(MALFORMED_REQUEST, "\"type\" has to be a string")
        if msg.type == "init":
            self._init(msg)
        elif msg.type in self._handlers:
            self._handlers[msg.type](msg)
        elif msg.error:
            log("an error from", msg.src, msg.body)
        else:
            raise RPCError(NOT_SUPPORTED, "unknown type " + json.dumps(msg.type))

    def _init(self, msg):
        self.id = msg["node_id"]
        self.ids = msg["node_ids"]
        self.peers = [other for other in self.ids if other != self.id]
        if "SQUALL_SEED" in os.environ:
            self.random.seed(os.environ["SQUALL_SEED"] + "/" + self.id)
        if "init" in self._handlers:
            self._handlers["init"](msg)
        self.reply(msg, {"type": "init_ok"})

    def _guard(self, request, call, *args):
        """Calls; what is raised goes to whoever made `request` and still waits."""
        outer, self._request = self._request, request
        try:
            call(*args)
        except RPCError as error:
            self._refuse(request, error)
        except Exception as error:
            log(traceback.format_exc())
            self._refuse(request, RPCError(CRASH, repr(error)))
        finally:
            self._request = outer

    def _refuse(self, request, error):
        if request and not request.answered and request.body.get("msg_id") is not None:
            self.reply(request, error.body)
        else:
            log("refused, but nobody waits for it:", repr(error))

    def _post(self, dest, body, ids):
        body = {key: body[key] for key in body if key not in ("msg_id", "in_reply_to")}
        body.update(ids)
        message = {"src": self.id, "dest": dest, "body": body}
        self._held.append(json.dumps(message, separators=(",", ":"), allow_nan=False) + "\n")

    def _release(self):
        for durable in self._sets:
            durable.sync()
        held, self._held = self._held, []
        write_all(1, "".join(held).encode())

    # Time, and numbers that outlive a crash.

    def _arm(self, seconds, timer):
        self._armed_count += 1
        heapq.heappush(self._timers, (self.now() + seconds, self._armed_count, timer))

    def _fire_due_timers(self):
        """Fires what is due; seconds until the next timer, or None if there is none."""
        if self.id is None:
            return None
        now = self.now()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if timer.call:
                self._guard(None, timer.call)
        return max(0, self._timers[0][0] - self.now()) if self._timers else None

    def _first_id(self):
        if not self.data:
            # Only the clock tells the lives apart. Below 2^53, for the sake of other languages.
            return int(time.time()) << 20
        # The file has one byte for each life that came this far.
        with open(os.path.join(self.data, "lives"), "ab", buffering=0) as lives:
            lives_count = lives.tell()
            lives.write(b".")
            os.fsync(lives.fileno())
        sync_folder(self.data)
        return lives_count << 32 or 1


def write_all(fd, data):
    """Writes every byte, however many writes that takes."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def sync_folder(path):
    """Makes the name of a new file durable."""
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
