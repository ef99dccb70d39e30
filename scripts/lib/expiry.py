"""How soon after its deadline the memory of a key is back, and what that costs the commands meanwhile.

For each server: many keys with far deadlines, then a burst (all due in the same millisecond), then a steady flow (due one after another). DBSIZE,
which counts keys until their memory is given back, is asked about every millisecond; from it comes when each due key went. Beside it
another process sends GET after GET and measures each. As the machine delays processes as well, two controls run at the same time: a process that
sends as many bytes to and from a server that does nothing but echo them, and the same measurement when nothing is due. A delay that the
echo has too is the machine's; only what exceeds it is the server's.
"""

import argparse
import multiprocessing
import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import servers  # noqa: E402
import wire  # noqa: E402

BATCH = 10_000
VALUE = b"v" * 16
FAR_SECONDS = 36_000
# How long to wait for keys that should be gone.
PATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.001
# Commands should never take longer than this.
LATENCY_LIMIT_MS = 2.0
# The connection that measures latencies asks at most so often, so that it does not need a core of its own.
PROBE_PAUSE_SECONDS = 0.0002


def run(tally_path, redis_path, keys=1_000_000, due=100_000, flow=20_000, seconds=5, idle_seconds=5, threads=2):
    """Prints the table for Tally and redis-server. `flow` keys a second are due for `seconds`."""
    commands = [
        ("redis-server", servers.peer_command(redis_path), 1),
        (f"tally-{threads}", servers.tally_command(tally_path), threads),
    ]
    print(f"{keys:,} live keys with a TTL; burst: {due:,} due at once; flow: {flow:,} due per second for {seconds} s")
    print("delay: from a key's deadline until it is gone (DBSIZE), ms; latency: GET on another connection meanwhile, ms; echo: the same of a server that only echoes")
    line = "{:<14}{:<8}{:>9}{:>9}{:>9}{:>9}  |{:>9}{:>9}{:>9}{:>12}  |{:>9}{:>9}{:>9}{:>12}"
    print(line.format("server", "load", "p50", "p99", "worst", "left", "lat p50", "lat p99", "worst", "> 2 ms", "echo p50", "p99", "worst", "> 2 ms"))
    idles = []
    for name, command, workers in commands:
        with servers.Servers() as started:
            server = started.start(name, command, workers)
            idle = [cpu_percent(server.pid, idle_seconds)]
            connection = wire.Connection(("127.0.0.1", server.port))
            load(connection, b"far", ((b"EX", FAR_SECONDS + number % 3600) for number in range(keys)))
            idle.append(cpu_percent(server.pid, idle_seconds))
            idles.append((name, idle))
            rows = [
                ("idle", observe(server.port, connection, b"none", [], 2.0)),
                ("burst", burst(server.port, connection, due)),
                ("flow", steady(server.port, connection, flow, seconds)),
            ]
            for label, (delays, left, latencies, echoes) in rows:
                figures = [shown(quantile(delays, q)) for q in (0.5, 0.99, 1.0)] if delays else ["-", "-", "-"]
                cells = [cell for values in (latencies, echoes) for cell in latency_cells(values)]
                print(line.format(name, label, *figures, left or "-", *cells), flush=True)
            idle.append(expire_cpu(connection))
            connection.close()
    print()
    print(f"CPU of an idle server over {idle_seconds} s, percent of one core:")
    for name, (empty, full, micros) in idles:
        print(f"{name:<14}{empty:>8.2f} without keys {full:>8.2f} with {keys:,} keys with far deadlines;{micros:>8.2f} us for each expired key, as INFO has it")


def burst(port, connection, due):
    """All keys get the same deadline, soon after the last was set."""
    deadline = int((time.time() + 2.0 + due / 30_000) * 1000)
    return observe(port, connection, b"burst", [deadline] * due, 1.0)


def steady(port, connection, flow, seconds):
    first = int((time.time() + 2.0 + flow * seconds / 30_000) * 1000)
    return observe(port, connection, b"flow", [first + number * 1000 // flow for number in range(flow * seconds)], 1.0)


def observe(port, connection, prefix, deadlines, seconds_after):
    """Sets keys with these deadlines (unix ms, ascending), watches them go, and yields the delays in ms, how many were left, and the latencies in ms."""
    before = connection.text("DBSIZE").native()
    load(connection, prefix, ((b"PXAT", deadline) for deadline in deadlines))
    if deadlines and time.time() * 1000 > deadlines[0] - 300:
        servers.die("loading took too long: fewer keys, please")
    start = deadlines[0] / 1000 - 0.2 if deadlines else time.time()
    end = (deadlines[-1] / 1000 if deadlines else start) + seconds_after
    queue = multiprocessing.Queue()
    probe = multiprocessing.Process(target=measure_latencies, args=(port, start, end, queue), daemon=True)
    echo_queue = multiprocessing.Queue()
    # It has a process of its own, which a daemon may not have.
    echo = multiprocessing.Process(target=measure_echoes, args=(start, end, echo_queue))
    probe.start()
    echo.start()
    delays = []
    if deadlines:
        time.sleep(max(0.0, start - time.time()))
        while len(delays) < len(deadlines) and time.time() < end + PATIENCE_SECONDS:
            gone = before + len(deadlines) - connection.text("DBSIZE").native()
            now = time.time() * 1000
            delays.extend(now - deadline for deadline in deadlines[len(delays):gone])
            time.sleep(POLL_SECONDS)
    latencies = queue.get(timeout=seconds_after + PATIENCE_SECONDS + 60)
    echoes = echo_queue.get(timeout=seconds_after + PATIENCE_SECONDS + 60)
    probe.join()
    echo.join()
    left = len(deadlines) - len(delays)
    # What is left counts as gone at the end of the patience, so that quantiles do not flatter.
    delays.extend(time.time() * 1000 - deadline for deadline in deadlines[len(delays):])
    return delays, left, latencies, echoes


def measure_echoes(start, end, queue):
    """What measure_latencies does, of a process that echoes."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = multiprocessing.get_context("fork").Process(target=serve_echoes, args=(listener,), daemon=True)
    server.start()
    listener.close()
    measure_latencies(port, start, end, queue)
    server.join()


def serve_echoes(listener):
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := connection.recv(4096):
        connection.sendall(data)


def latency_cells(latencies):
    over = sum(latency > LATENCY_LIMIT_MS for latency in latencies)
    return [shown(quantile(latencies, q)) for q in (0.5, 0.99, 1.0)] + [f"{over} of {len(latencies)}"]


def measure_latencies(port, start, end, queue):
    probe = socket.create_connection(("127.0.0.1", port))
    probe.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = wire.encode([b"GET", b"far:0000000000"])
    latencies = []
    time.sleep(max(0.0, start - time.time()))
    while time.time() < end:
        began = time.perf_counter()
        probe.sendall(request)
        probe.recv(4096)
        latencies.append((time.perf_counter() - began) * 1000)
        time.sleep(PROBE_PAUSE_SECONDS)
    probe.close()
    queue.put(latencies)


def load(connection, prefix, options):
    """One SET for each (option, number), with keys of at least 14 bytes."""
    batch = []
    for number, (option, value) in enumerate(options):
        batch.append(wire.encode([b"SET", b"%s:%010d" % (prefix, number), VALUE, option, b"%d" % value]))
        if len(batch) == BATCH:
            flush(connection, batch)
    flush(connection, batch)


def flush(connection, batch):
    connection.send(b"".join(batch))
    wanted = len(batch) * len(b"+OK\r\n")
    while wanted > 0:
        data = connection.socket.recv(min(wanted, 65536))
        if not data or b"-" in data:
            servers.die(f"a SET failed: {data[:200]}")
        wanted -= len(data)
    batch.clear()


def expire_cpu(connection):
    """Microseconds of active expiry for each key that expired."""
    info = dict(line.split(b":", 1) for line in connection.text("INFO", "stats").native().split(b"\r\n") if b":" in line)
    return int(info[b"expire_cycle_cpu_milliseconds"]) * 1000 / max(1, int(info[b"expired_keys"]))


def cpu_percent(pid, seconds):
    """What part of a core all threads of a process used, while nobody asked for anything."""
    # A loaded server may still be tidying up.
    time.sleep(1.0)
    before, began = cpu_nanos(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_nanos(pid) - before) / (time.monotonic() - began) / 1e7


def cpu_nanos(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * q))]


def shown(value):
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tally", metavar="COMMAND", help="how to start Tally (default: TALLY_BIN, else target/release/tally)")
    parser.add_argument("--peer", metavar="COMMAND", help="how to start the peer (default: redis-server)")
    for name, value in (("keys", 1_000_000), ("due", 100_000), ("flow", 20_000), ("seconds", 5), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=value, metavar="N")
    options = parser.parse_args()
    run(options.tally, options.peer, options.keys, options.due, options.flow, options.seconds, threads=options.threads)


if __name__ == "__main__":
    main()
