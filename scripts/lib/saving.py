"""What a snapshot in the background costs clients while they write, beside a real redis-server, which forks.

The same keys are loaded into each: strings, counters with deadlines, small hashes, lists and sorted sets, and one large sorted set. Two connections send pipelines
of which one half are writes, all over the keys. Three others send GET, SET and ZADD, each from a process of its own, some hundred times a second, and measure each:
during BGSAVE, and before and after it for as long while nothing is saved. What the snapshot itself does to others is the difference: clients and server share the
processors, and wait for each other at any time. Memory is the proportional set size of the server and its children, sampled, less what it was before.
"""

import multiprocessing
import os
import random
import threading
import time

import figures
import latency
import loading
import servers
import wire

PROBE_PAUSE_SECONDS = 0.002
SAMPLE_SECONDS = 0.2
WARM_SECONDS = 5.0
PER_PIPELINE = 16
PIPELINES = 2000
SLOW_MICROS, VERY_SLOW_MICROS = 500, 2000


def run(tally, peer, keys, members, threads):
    """Prints the table."""
    print(f"BGSAVE of {keys:,} keys and a sorted set of {members:,} members under 50 % writes; milliseconds that others wait meanwhile. {figures.machine()}.")
    rows = []
    for name, line in (("redis-server", servers.peer_command(peer)), (f"tally-{threads}", servers.tally_command(tally))):
        with servers.Servers() as started:
            server = started.start(name, line, threads)
            figures.check_versions([server])
            loading.fill(server, keys, members)
            connection = wire.Connection(("127.0.0.1", server.port))
            connection.text("CONFIG", "SET", "slowlog-log-slower-than", SLOW_MICROS, "slowlog-max-len", 100_000)
            context = multiprocessing.get_context("fork")
            ended = context.Event()
            writers = [context.Process(target=write, args=(server.port, keys, members, seed, ended), daemon=True) for seed in range(2)]
            for process in writers:
                process.start()
            time.sleep(WARM_SECONDS)
            start = time.monotonic()
            rows.extend(measured(f"{name} {server.version}", "BGSAVE", server, connection, lambda: save(connection)))
            seconds = time.monotonic() - start
            rows.extend(measured("", "none", server, connection, lambda: time.sleep(seconds)))
            rows.extend(measured("", "BGSAVE", server, connection, lambda: save(connection)))
            rows.extend(measured("", "none", server, connection, lambda: time.sleep(seconds)))
            ended.set()
            connection.close()
            figures.note("")
    figures.show_table(["server", "save", "seconds", "memory", "commands over 0.5 ms", "over 2 ms", "the longest, ms", "probe", "p50", "p99", "p99.9", "worst", "over 2 ms"], rows)


def save(connection):
    connection.text("BGSAVE")
    while connection.text("INFO", "persistence").data.find(b"rdb_bgsave_in_progress:1") >= 0:
        time.sleep(0.05)


def write(port, keys, members, seed, ended):
    """Pipelines of which one half are writes, until it is told to end."""
    rng = random.Random(seed)

    def command():
        number = rng.randrange(keys // 10) * 10 + rng.randrange(6)
        key = b"key:%012d" % number
        kind = rng.randrange(10)
        if kind < 4:
            return [b"SET", key, b"other:%010d" % number]
        if kind == 4:
            return [b"ZADD", b"board", b"%d" % rng.randrange(10**9), b"member:%013d" % rng.randrange(members)]
        return [b"GET", key]

    ready = [b"".join(wire.encode(command()) for _ in range(PER_PIPELINE)) for _ in range(PIPELINES)]
    connection = wire.Connection(("127.0.0.1", port))
    while not ended.is_set():
        connection.send(rng.choice(ready))
        for _ in range(PER_PIPELINE):
            connection.reply()


def measured(name, load, server, connection, work):
    """The rows of one load: what the probes saw, and what the server took."""
    context = multiprocessing.get_context("fork")
    stop = context.Event()
    probes = {
        "GET": [b"GET", b"key:%012d" % 0],
        "SET": [b"SET", b"key:%012d" % 1, b"value"],
        "ZADD": [b"ZADD", b"board", b"1.5", b"member:%013d" % 1],
    }
    queues = {probe: context.Queue() for probe in probes}
    processes = [context.Process(target=latency.probe, args=(server.port, argv, PROBE_PAUSE_SECONDS, stop, queues[label]), daemon=True) for label, argv in probes.items()]
    for process in processes:
        process.start()
    connection.text("SLOWLOG", "RESET")
    before = memory_bytes(server.pid)
    most, done = [before], threading.Event()

    def sample():
        while not done.wait(SAMPLE_SECONDS):
            most[0] = max(most[0], memory_bytes(server.pid))

    sampler = threading.Thread(target=sample)
    sampler.start()
    start = time.monotonic()
    work()
    seconds = time.monotonic() - start
    done.set()
    sampler.join()
    stop.set()
    found = {label: sorted(queue.get()) for label, queue in queues.items()}
    for process in processes:
        process.join()
    slow = [entry[2] for entry in connection.text("SLOWLOG", "GET", "-1").native() if entry[3][0].upper() not in (b"SLOWLOG", b"INFO", b"CONFIG")]
    extra = f"{100 * (most[0] - before) / before:+.1f} %"
    for index, (label, latencies) in enumerate(found.items()):
        very_slow = sum(micros >= VERY_SLOW_MICROS for micros in slow)
        first = [name, load, f"{seconds:.1f}", extra, str(len(slow)), str(very_slow), f"{max(slow, default=0) / 1000:.2f}"] if index == 0 else [""] * 7
        yield first + [label, *latency.cells(latencies), str(sum(milliseconds > VERY_SLOW_MICROS / 1000 for milliseconds in latencies))]


def memory_bytes(pid):
    """The proportional set size of a process and its children."""
    total = 0
    for process in [pid, *children(pid)]:
        try:
            with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as file:
                total += next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
        except (OSError, StopIteration):
            # It ended meanwhile.
            pass
    return total


def children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
        except OSError:
            pass
    return found
