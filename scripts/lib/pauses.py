"""How long others wait while millions of keys are inserted through a pipeline, beside a real redis-server.

One connection inserts; another process sends GET after GET, a few thousand a second, and measures each. As the machine delays processes as well, the
same is measured first while nothing is inserted. The slow log says which commands the server itself found slow: what a command takes inside
of the server is an upper bound of how long it held a shard. What the structures take without sockets measures `cargo bench --bench pauses`.
"""

import multiprocessing
import time

import figures
import latency
import servers
import wire

PER_PIPELINE = 500
PROBE_PAUSE_SECONDS = 0.0002
IDLE_SECONDS = 3.0
SLOW_MICROS = 500
PROBE = [b"GET", b"key:%012d" % 0]


def run(options):
    """Prints the table for Tally and redis-server."""
    print(f"{options.keys:,} keys inserted through pipelines of {PER_PIPELINE}; milliseconds that a GET on another connection takes meanwhile. {figures.machine()}.")
    rows = []
    for name, command in (("redis-server", servers.peer_command(options.peer)), (f"tally-{options.threads}", servers.tally_command(options.tally))):
        with servers.Servers() as started:
            server = started.start(name, command, options.threads)
            figures.check_versions([server])
            connection = wire.Connection(("127.0.0.1", server.port))
            connection.text("CONFIG", "SET", "slowlog-log-slower-than", SLOW_MICROS, "slowlog-max-len", 100000)
            rows.append(row(f"{name} {server.version}", "idle", probe(server.port, lambda: time.sleep(IDLE_SECONDS)), connection))
            rows.append(row("", "insert", probe(server.port, lambda: insert(server, options.keys)), connection))
            rows.append(row("", "overwrite", probe(server.port, lambda: insert(server, options.keys)), connection))
            # Not all at once: a command for each key, through the same pipelines.
            rows.append(row("", "delete", probe(server.port, lambda: delete(server, options.keys)), connection))
            connection.close()
            figures.note("")
    figures.show_table(["server", "load", "seconds", "p50", "p99", "p99.9", "worst", f"commands over {SLOW_MICROS} us", "the longest, ms"], rows)
    return 0


def insert(server, keys):
    form = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$16\r\nvalue:%010d\r\n"
    figures.pump(server, pipelines(keys, lambda number: form % (number, number)), 1)


def delete(server, keys):
    form = b"*2\r\n$3\r\nDEL\r\n$16\r\nkey:%012d\r\n"
    figures.pump(server, pipelines(keys, lambda number: form % number), 1)


def pipelines(keys, command):
    for first in range(0, keys, PER_PIPELINE):
        numbers = range(first, min(first + PER_PIPELINE, keys))
        yield b"".join(map(command, numbers)), len(numbers)


def probe(port, work):
    """Runs `work` while another process measures; the latencies in ms, and the seconds that the work took."""
    context = multiprocessing.get_context("fork")
    stop, queue = context.Event(), context.Queue()
    process = context.Process(target=latency.probe, args=(port, PROBE, PROBE_PAUSE_SECONDS, stop, queue), daemon=True)
    process.start()
    start = time.monotonic()
    work()
    seconds = time.monotonic() - start
    stop.set()
    latencies = queue.get()
    process.join()
    return sorted(latencies), seconds


def row(name, load, measured, connection):
    latencies, seconds = measured
    slow = connection.text("SLOWLOG", "GET", "-1").native()
    connection.text("SLOWLOG", "RESET")
    longest = max((entry[2] for entry in slow), default=0)
    return [name, load, f"{seconds:.1f}", *latency.cells(latencies), str(len(slow)), f"{longest / 1000:.2f}"]
