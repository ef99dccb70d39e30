"""How long others wait while hostile scripts run one after another: those of tests/hostile that never end, and those that want too much memory.

Two ways to end them: script-max-time of 300 ms, and SCRIPT KILL by a connection that was there before. Meanwhile several connections, which the server has
spread over its workers, the one of the hostile client among them, send GET and SET of keys of their own some thousand times a second, each from a
process of its own, and measure each. As the machine delays processes as well, the same is measured first while nothing else runs. After each script
an honest one must answer, and the machines must be within their limit.
"""

import multiprocessing
import os
import time

import figures
import latency
import servers
import wire

MAX_TIME_MS = 300
MEMORY_LIMIT = 32 * 1024 * 1024
MEMORY_SLACK = 1024 * 1024
PROBES = 4
PROBE_PAUSE_SECONDS = 0.001
IDLE_SECONDS = 5
# Long enough that each has begun, and that it is known to be slow.
KILL_AFTER_SECONDS = 0.1
HONEST = b"return redis.call('INCR', KEYS[1])"


def parts(name):
    """The scripts of a file of tests/hostile, with their names."""
    with open(os.path.join(servers.ROOT, "tests", "hostile", name), encoding="utf-8") as file:
        for part in file.read().split("\n--- ")[1:]:
            head, body = part.split("\n", 1)
            yield head.split(" => ")[0], body.rstrip().encode()


def machines_bytes(connection):
    text = connection.text("INFO", "memory").data.decode()
    return next(int(line.split(":")[1]) for line in text.split("\r\n") if line.startswith("used_memory_vm_total:"))


class Watch:
    """The probes, from `with` to its end; then `latencies` holds what they measured."""

    def __init__(self, server):
        context = multiprocessing.get_context("fork")
        self.stop, self.latencies = context.Event(), []
        self.queues, self.processes = [], []
        for number in range(PROBES):
            queue = context.Queue()
            key = b"own:%d" % number
            argv = [b"GET", key] if number % 2 else [b"SET", key, b"value"]
            arguments = (server.port, argv, PROBE_PAUSE_SECONDS, self.stop, queue)
            self.queues.append(queue)
            self.processes.append(context.Process(target=latency.probe, args=arguments, daemon=True))

    def __enter__(self):
        for process in self.processes:
            process.start()
        time.sleep(0.2)
        return self

    def __exit__(self, kind, value, trace):
        self.stop.set()
        self.latencies = sorted(one for queue in self.queues for one in queue.get())
        for process in self.processes:
            process.join()


def attack(server, scripts, kills):
    """Runs the scripts one after another; the longest that one took, in ms, and the most that machines took, and the names of those that went wrong."""
    client = wire.Connection(("127.0.0.1", server.port))
    killer = wire.Connection(("127.0.0.1", server.port))
    client.text("CONFIG", "SET", "script-max-time", 0 if kills else MAX_TIME_MS)
    longest, most, wrong = 0.0, 0, []
    for name, body in scripts:
        began = time.perf_counter()
        client.send(wire.encode([b"EVAL", body, b"1", b"hostile"]))
        if kills:
            time.sleep(KILL_AFTER_SECONDS)
            began = time.perf_counter()
            killer.text("SCRIPT", "KILL")
        reply = client.reply()
        longest = max(longest, (time.perf_counter() - began) * 1000)
        if not reply.startswith(b"-"):
            wrong.append(name)
        most = max(most, machines_bytes(killer))
        if not client.call([b"EVAL", HONEST, b"1", b"honest"]).startswith(b":"):
            wrong.append(f"the honest script after {name}")
        client.text("DEL", "hostile")
    client.close()
    killer.close()
    return longest, most, wrong


def run(tally, peer, threads=2):
    endless, memory = list(parts("endless.lua")), list(parts("memory.lua"))
    print(f"{len(endless)} endless scripts and {len(memory)} that want too much, one after another; {PROBES} others send GET and SET of keys of their own, and wait so "
          f"many milliseconds. {figures.machine()}.")
    rows, failures = [], []
    with servers.Servers() as started:
        server = started.start(f"tally-{threads}", servers.tally_command(tally), threads)
        with Watch(server) as watch:
            time.sleep(IDLE_SECONDS)
        rows.append(["nothing", "-", *latency.cells(watch.latencies), "-"])
        for label, scripts, kills in (
            (f"endless, script-max-time {MAX_TIME_MS}", endless, False),
            ("endless, SCRIPT KILL", endless, True),
            (f"memory, script-max-time {MAX_TIME_MS}", memory, False),
        ):
            with Watch(server) as watch:
                longest, most, wrong = attack(server, scripts, kills)
            failures += [f"{label}: {name}" for name in wrong]
            if most > MEMORY_LIMIT + MEMORY_SLACK:
                failures.append(f"{label}: the machines took {most:,} bytes")
            rows.append([label, f"{longest:.0f}", *latency.cells(watch.latencies), f"{most / 1024 / 1024:.1f}"])
    figures.show_table(["scripts", "the longest", "p50", "p99", "p99.9", "worst", "machines MiB"], rows)
    if failures:
        servers.die("ended otherwise:\n" + "\n".join(failures))
