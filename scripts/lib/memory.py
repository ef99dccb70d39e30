"""Resident memory per item: the same items are loaded into Tally and a real redis-server, a fresh pair of servers for each kind.

What is compared is VmRSS after loading, once it has settled, less VmRSS of the empty server, divided by the number of items. So it
counts everything: tables, records, what the allocator wastes.
"""

import json
import random

import figures
import servers

PER_PIPELINE = 1000
# Members in one ZADD or SADD.
PER_COMMAND = 100
SEED = 7
# Between the scores of 20-byte members, fractions included.
SCORE_MAX = 1_000_000_000


class Kind:
    """A kind of item. `load` yields (pipeline, number of replies) for so many items; `limit` is the aim in bytes per item."""

    def __init__(self, name, load, limit=None, command="set", scale=1, changes=0):
        self.name, self.load, self.limit, self.command, self.scale, self.changes = name, load, limit, command, scale, changes


def bulk(text):
    """An argument as it goes over the wire."""
    return b"$%d\r\n%s\r\n" % (len(text), text)


def pattern(*words):
    """A request with places for numbers: each word is a format whose length does not depend on the number."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word % (0,)) if b"%" in word else len(word), word) for word in words)


def each(*commands):
    """Loads items by commands that each take the item's number, in as many places as they have."""
    patterns = [(pattern(*command), sum(word.count(b"%") for word in command)) for command in commands]

    def load(items):
        for first in range(0, items, PER_PIPELINE):
            numbers = range(first, min(first + PER_PIPELINE, items))
            yield b"".join(form % ((number,) * places) for number in numbers for form, places in patterns), len(numbers) * len(patterns)

    return load


def counters(spread, base):
    """Counters with a deadline, as rate limiters keep them: each below `base` + `spread`."""
    def load(items):
        rng = random.Random(SEED)
        for first in range(0, items, PER_PIPELINE):
            numbers = range(first, min(first + PER_PIPELINE, items))
            parts = []
            for number in numbers:
                key = bulk(b"key:%012d" % number)
                parts += [b"*3\r\n$6\r\nINCRBY\r\n", key, bulk(b"%d" % (base + rng.randrange(spread))), b"*3\r\n$6\r\nEXPIRE\r\n", key, b"$5\r\n36000\r\n"]
            yield b"".join(parts), len(numbers) * 2

    return load


def set_members(items):
    for first in range(0, items, PER_COMMAND):
        numbers = range(first, min(first + PER_COMMAND, items))
        yield b"*%d\r\n$4\r\nSADD\r\n$3\r\nset\r\n" % (len(numbers) + 2) + b"".join(bulk(b"member:%09d" % number) for number in numbers), 1


def scores(numbers, rng):
    """One ZADD that gives each of these members a random score."""
    pairs = b"".join(bulk(b"%.3f" % (rng.random() * SCORE_MAX)) + bulk(b"member:%013d" % number) for number in numbers)
    return b"*%d\r\n$4\r\nZADD\r\n$5\r\nboard\r\n" % (2 * len(numbers) + 2) + pairs, 1


def zset_members(items):
    rng = random.Random(SEED)
    for first in range(0, items, PER_COMMAND):
        yield scores(range(first, min(first + PER_COMMAND, items)), rng)


def zset_members_in_order(items):
    """The next member always has the highest score, as an archive is loaded."""
    for first in range(0, items, PER_COMMAND):
        numbers = range(first, min(first + PER_COMMAND, items))
        pairs = b"".join(bulk(b"%d" % number) + bulk(b"member:%013d" % number) for number in numbers)
        yield b"*%d\r\n$4\r\nZADD\r\n$5\r\nboard\r\n" % (2 * len(numbers) + 2) + pairs, 1


def zset_changes(items, times):
    """Every member gets a new score, `times` times, each time in another order."""
    rng = random.Random(SEED + 1)
    members = list(range(items))
    for _ in range(times):
        rng.shuffle(members)
        for first in range(0, items, PER_COMMAND):
            yield scores(members[first:first + PER_COMMAND], rng)


def kinds(options):
    value = b"value:%010d"
    key = b"key:%012d"
    hashes = each((b"HSET", key, b"a", b"1", b"b", b"2"))
    bucket = each((b"HSET", key, b"tokens", b"%08d", b"time", b"1700%012d"))
    lists = each((b"RPUSH", key, b"one", b"two", b"three"))
    return [
        Kind("string, 16 B", each((b"SET", key, value)), 64),
        Kind("string, 16 B, TTL", each((b"SET", key, value, b"EX", b"36000")), 78),
        Kind("counter 1-100, TTL", counters(100, 1), 64),
        Kind("counter of 6 digits, TTL", counters(900_000, 100_000), 64),
        Kind("set member, 16 B", set_members, 48, "sadd"),
        Kind("hash, a 1 b 2", hashes, 84, "hset"),
        Kind("hash, tokens 8 B, time 16 B", bucket, None, "hset"),
        Kind("list, one two three", lists, None, "rpush"),
        Kind("zset member, 20 B, in order", zset_members_in_order, 58, "zadd"),
        Kind("zset member, 20 B", zset_members, 66, "zadd", changes=options.changes),
        Kind("zset member, 20 B", zset_members, 66, "zadd", scale=5, changes=options.changes),
    ]


def run(options):
    """Prints the table for Tally and redis-server."""
    chosen = [kind for kind in kinds(options) if figures.matches(kind.name, options.only)]
    if not chosen:
        servers.die("no kind has such a name; there are: " + ", ".join(sorted({kind.name for kind in kinds(options)})))
    rows, versions, empty = [], [], {}
    for kind in chosen:
        with servers.Servers() as started:
            runners = [started.start("tally", servers.tally_command(options.tally), options.threads),
                       started.start("redis-server", servers.peer_command(options.peer))]
            figures.check_versions(runners)
            versions = [f"{server.name} {server.version}" for server in runners]
            # Only what both know is compared; an unknown command leaves a dash.
            results = {server.name: load(kind, server, options) if figures.has_command(server, kind.command) else [] for server in runners}
            for name, result in results.items():
                empty.setdefault(name, result[0][1] if result else 0)
        for at, (label, _) in enumerate(results["redis-server"][1:], 1):
            rows.append({"kind": f"{kind.name}, {kind.scale * options.items:,}", "state": label, "limit": kind.limit,
                         "bytes": {name: result[at][1] if result else None for name, result in results.items()}})
    figures.note("")
    report(rows, versions, empty, options)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"machine": figures.machine(), "options": vars(options), "results": rows}, file, indent=1)
    return 0


def load(kind, server, options):
    """(label, bytes) in order: the empty server, per item after loading, per item after the changes."""
    items = options.items * kind.scale
    # Buffers for connections are there before the first measurement.
    figures.pump(server, [(b"*2\r\n$3\r\nDEL\r\n$7\r\nnothing\r\n" * PER_PIPELINE, PER_PIPELINE)] * 16)
    empty = figures.settled_bytes(server)
    figures.note(f"{kind.name}: {server.name} ...")
    figures.pump(server, kind.load(items))
    out = [("empty", empty), ("loaded", (figures.settled_bytes(server) - empty) / items)]
    if kind.changes:
        figures.note(f"{kind.name}: {server.name}, changing scores ...")
        figures.pump(server, zset_changes(items, kind.changes))
        out.append((f"changed {kind.changes} times", (figures.settled_bytes(server) - empty) / items))
    return out


def report(rows, versions, empty, options):
    print(f"Resident bytes per item, the empty server's taken off; keys of 16 bytes. {figures.machine()}; {'; '.join(versions)}; tally runs {options.threads} workers.")
    print("Empty: " + ", ".join(f"{name} {size / (1 << 20):.1f} MiB" for name, size in empty.items()) + ".\n")
    table = []
    for row in rows:
        tally, peer = row["bytes"]["tally"], row["bytes"]["redis-server"]
        known = tally is not None
        verdict = "-" if not (known and row["limit"]) else "yes" if tally <= row["limit"] else "NO"
        table.append([row["kind"], row["state"], f"{tally:.1f}" if known else "-", f"{peer:.1f}", f"{tally / peer:.2f}" if known else "-",
                      str(row["limit"] or "-"), verdict])
    figures.show_table(["items", "state", "tally", "redis", "ratio", "aim", "kept"], table)
