"""Fills one server, has it save a snapshot, starts another on that file, and compares all that it then holds."""

import time

import dumps
import servers
import wire

DEADLINE_MS = 4_000_000_000_000
LOAD_SECONDS_MAX = 60.0
KEYS_AT_ONCE = 1000
# How the writer is set: settings change the encodings that it writes.
VARIANTS = {
    "as by default": [],
    "without compression": [["rdbcompression", "no"]],
    "with small forms off": [[f"{name}-max-listpack-entries", "0"] for name in ("hash", "zset")] + [["set-max-intset-entries", "0"], ["list-max-listpack-size", "2"]],
    "with large small forms": [[f"{name}-max-listpack-entries", "5000"] for name in ("hash", "zset")] + [[f"{name}-max-listpack-value", "8000"] for name in ("hash", "zset")] + [["list-max-listpack-size", "-5"]],
    "under LRU": [["maxmemory-policy", "allkeys-lru"]],
    "under LFU": [["maxmemory-policy", "allkeys-lfu"]],
}


def commands():
    """What fills a server: every value of the comparison by DUMP, a third of them with a deadline, in two databases; and many small keys."""
    for db in (0, 9):
        yield [b"SELECT", b"%d" % db]
        for index, (_, steps) in enumerate(dumps.values()):
            key = b"key:%d:%d" % (db, index)
            for step in steps:
                yield [key if word == dumps.SOURCE else word for word in step]
            if index % 3 == 0:
                yield [b"PEXPIREAT", key, b"%d" % (DEADLINE_MS + index)]
        for index in range(20_000):
            yield [b"SET", b"small:%d" % index, b"value %d" % index]
        yield [b"SET", b"gone", b"x", b"PX", b"1"]


def contents(server):
    """Everything that a server holds: by database and key, the value and the deadline."""
    connection = wire.Connection(("127.0.0.1", server.port))
    everything = {}
    for db in range(16):
        connection.call([b"SELECT", b"%d" % db])
        keys = sorted(wire.parse(connection.call([b"KEYS", b"*"])).native())
        for first in range(0, len(keys), KEYS_AT_ONCE):
            part = keys[first:first + KEYS_AT_ONCE]
            deadlines = [wire.parse(reply).data for reply in connection.batch([[b"PEXPIRETIME", key] for key in part])]
            plain = [key for key in part if key.startswith(b"small:")]
            texts = dict(zip(plain, connection.batch([[b"GET", key] for key in plain])))
            for key, deadline in zip(part, deadlines):
                everything[db, key] = (texts.get(key) or dumps.content(connection, key), deadline)
    connection.close()
    return everything


def settled(server):
    """Waits until the server has loaded its file."""
    connection = wire.Connection(("127.0.0.1", server.port))
    deadline = time.monotonic() + LOAD_SECONDS_MAX
    while b"\r\nloading:0\r\n" not in connection.call([b"INFO", b"persistence"]):
        if time.monotonic() > deadline or not server.alive():
            servers.die(f"{server.name} did not load the file\n{server.log_tail()}")
        time.sleep(0.02)
    connection.close()


def check(writer, reader, variant):
    """What differs between a writer and a reader of its file, given as (name, command line): lines of text."""
    with servers.Servers() as started:
        source = started.start(*writer)
        connection = wire.Connection(("127.0.0.1", source.port))
        for setting in VARIANTS[variant]:
            if connection.text("CONFIG", "SET", *setting).data != b"OK":
                servers.die(f"{source.name} refused {setting}")
        batch = []
        for command in commands():
            batch.append(command)
            if len(batch) == 200:
                refuse_errors(source, connection.batch(batch))
                batch.clear()
        refuse_errors(source, connection.batch(batch))
        time.sleep(0.05)
        refuse_errors(source, [connection.call([b"SAVE"])])
        connection.close()
        name, line = reader
        target = started.start(name, f"{line} --dir {source.directory}", 2)
        settled(target)
        expected, found = contents(source), contents(target)
    failures = [f"{key!r} of database {db} differs" for (db, key), value in expected.items() if found.get((db, key)) != value]
    failures += [f"{key!r} of database {db} should not be there" for db, key in found if (db, key) not in expected]
    return len(expected), failures


def refuse_errors(server, replies):
    for reply in replies:
        if reply[:1] == b"-":
            servers.die(f"{server.name} refused data of the comparison: {reply[:200]!r}")
