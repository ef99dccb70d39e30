"""How long others wait while somebody reads a whole sorted set again and again, beside a real redis-server.

One connection sends ZRANGE board 0 -1 WITHSCORES and reads the reply to its end, over and over. Three others send PING, GET of a small key, and ZADD of a
member of the same set, each from a process of its own, some thousand times a second, and measure each. As the machine delays processes as well, the same is
measured first while nobody reads.
"""

import multiprocessing
import socket
import time

import figures
import latency
import servers
import wire

PER_PIPELINE = 500
PROBE_PAUSE_SECONDS = 0.001
REQUEST = wire.encode([b"ZRANGE", b"board", b"0", b"-1", b"WITHSCORES"])


def run(tally, peer, threads, members, seconds):
    """Prints the table for redis-server and Tally."""
    print(f"ZRANGE 0 -1 WITHSCORES of {members:,} members of 20 bytes, read over and over; milliseconds that others wait meanwhile. {figures.machine()}.")
    rows = []
    for name, command in (("redis-server", servers.peer_command(peer)), (f"tally-{threads}", servers.tally_command(tally))):
        with servers.Servers() as started:
            server = started.start(name, command, threads)
            figures.check_versions([server])
            load(server, members)
            for load_name, readers in (("idle", 0), ("one reader", 1)):
                rows.extend(measured(f"{name} {server.version}", server.port, load_name, readers, seconds))
            figures.note("")
    figures.show_table(["server", "load", "replies/s", "probe", "p50", "p99", "p99.9", "worst"], rows)


def load(server, members):
    form = b"*4\r\n$4\r\nZADD\r\n$5\r\nboard\r\n$10\r\n%010d\r\n$20\r\nmember:%013d\r\n"
    def pipelines():
        for first in range(0, members, PER_PIPELINE):
            numbers = range(first, min(first + PER_PIPELINE, members))
            yield b"".join(form % (number * 7919 % members, number) for number in numbers), len(numbers)
    figures.pump(server, pipelines(), 1)


def measured(name, port, load_name, readers, seconds):
    context = multiprocessing.get_context("fork")
    stop = context.Event()
    probes = {
        "PING": [b"PING"],
        "GET": [b"GET", b"key"],
        "ZADD": [b"ZADD", b"board", b"1.5", b"member:%013d" % 1],
    }
    queues = {probe: context.Queue() for probe in [*probes, *range(readers)]}
    processes = [context.Process(target=latency.probe, args=(port, argv, PROBE_PAUSE_SECONDS, stop, queues[label]), daemon=True) for label, argv in probes.items()]
    processes += [context.Process(target=read, args=(port, stop, queues[index]), daemon=True) for index in range(readers)]
    for process in processes:
        process.start()
    time.sleep(seconds)
    stop.set()
    replies = sum(queues[index].get() for index in range(readers)) / seconds
    for label in probes:
        latencies = sorted(queues[label].get())
        first = label == "PING"
        yield [name if first else "", load_name if first else "", f"{replies:.1f}" if first and readers else "", label, *latency.cells(latencies)]
    for process in processes:
        process.join()


def read(port, stop, queue):
    """Reads replies to their end without looking at them: a PING behind each says where that is."""
    replies = 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while not stop.is_set():
            connection.sendall(REQUEST + wire.encode([b"PING"]))
            last = b""
            while not last.endswith(b"+PONG\r\n"):
                chunk = connection.recv(1024 * 1024)
                last = (last + chunk)[-16:] if len(chunk) < 16 else chunk[-16:]
            replies += 1
    queue.put(replies)
