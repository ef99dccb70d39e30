"""How long a server takes to load a snapshot at its start, beside a real redis-server on the same file.

The file is written by the redis-server: strings, counters with deadlines, small hashes, lists and sorted sets, and one large sorted set. Each server loads it
several times in turn; what it says itself in its log is compared, and the CPU time that its process took in all.
"""

import os
import re
import statistics
import time

import figures
import servers
import wire

PER_PIPELINE = 1000
SECONDS_MAX = 300.0
SAYS = re.compile(rb"DB loaded from disk: ([0-9.]+) seconds|loaded [0-9]+ keys in ([0-9.]+) s")


def run(tally, peer, keys, members, rounds, threads):
    """Prints the table."""
    peer_line, tally_line = servers.peer_command(peer), servers.tally_command(tally).replace("warning", "notice")
    with servers.Servers() as started:
        writer = started.start("redis-server", peer_line)
        figures.check_versions([writer])
        fill(writer, keys, members)
        connection = wire.Connection(("127.0.0.1", writer.port))
        connection.socket.settimeout(SECONDS_MAX)
        connection.call([b"SAVE"])
        connection.close()
        size = os.path.getsize(os.path.join(writer.directory, "dump.rdb"))
        print(f"A snapshot of {keys:,} keys and a sorted set of {members:,} members, {size:,} bytes. {figures.machine()}.")
        writer.process.terminate()
        writer.process.wait()
        results = {}
        for _ in range(rounds):
            for name, line in (("redis-server", peer_line), (f"tally-{threads}", tally_line)):
                results.setdefault(name, []).append(load(name, f"{line} --dir {writer.directory}", threads))
    best = statistics.median(seconds for seconds, _ in results["redis-server"])
    rows = []
    for name, found in results.items():
        seconds, cpu = (statistics.median(column) for column in zip(*found))
        rows.append([name, f"{seconds:.2f}", f"{best / seconds:.2f}", f"{cpu:.2f}", f"{keys / seconds / 1e6:.2f}"])
    figures.show_table(["server", "seconds", "speed", "CPU seconds", "million keys a second"], rows)


def load(name, line, threads):
    """The seconds that a server says it took, and the CPU seconds of its process."""
    with servers.Servers() as started:
        server = started.start(name, line, threads)
        deadline = time.monotonic() + SECONDS_MAX
        while time.monotonic() < deadline and server.alive():
            with open(server.log_path, "rb") as log:
                said = SAYS.search(log.read())
            if said:
                with open(f"/proc/{server.pid}/stat", encoding="ascii") as stat:
                    fields = stat.read().rsplit(")", 1)[1].split()
                return float(said[1] or said[2]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            time.sleep(0.05)
    servers.die(f"{name} did not load the file\n{server.log_tail()}")


def fill(server, keys, members):
    """The keys of both measurements."""
    figures.pump(server, small(keys), 1)
    figures.pump(server, ranks(members), 1)


def small(keys):
    for first in range(0, keys, PER_PIPELINE):
        numbers = range(first, min(first + PER_PIPELINE, keys))
        yield b"".join(wire.encode(command(number)) for number in numbers), len(numbers)


def command(number):
    key, kind = b"key:%012d" % number, number % 10
    if kind < 6:
        return [b"SET", key, b"value:%010d" % number]
    if kind == 6:
        return [b"SET", key, b"%d" % (number * 7), b"EX", b"1000000"]
    if kind == 7:
        return [b"HSET", key, b"tokens", b"%d" % (number % 100), b"ts", b"17000000%05d" % (number % 100_000)]
    if kind == 8:
        return [b"RPUSH", key] + [b"element %d" % index for index in range(4)]
    return [b"ZADD", key] + [word for index in range(4) for word in (b"%d" % (number * index % 1000), b"m%d" % index)]


def ranks(members):
    for first in range(0, members, 100):
        numbers = range(first, min(first + 100, members))
        yield wire.encode([b"ZADD", b"board"] + [word for number in numbers for word in (b"%.3f" % (number * 2654435761 % 1000000007 / 7), b"member:%013d" % number)]), 1
