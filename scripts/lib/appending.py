"""What the append-only log costs: CPU time per write beside a server without one, and writes per second when each is synced before its reply.

First, SET and INCR from 50 connections, alone and in pipelines of 16, with the log off and with appendfsync everysec: CPU microseconds per request of all threads of the
server, medians of rounds in which the servers take turns. Each is started anew for each round: what one process takes differs by up to a tenth from what the next one takes, by where its memory
lies. Then appendfsync always: 64 connections send INCR, one request each at a time, beside the median time of a
fdatasync of the same disk measured just before, by a process that is slowed as the server is; and how long a reader of other keys waits meanwhile. As clients and server share the processors, the same reader is then measured
beside a server without a log, to which as many connections write as often: all at once, as they do when one sync has served them all. What is beyond that is the log's. A disk may be so
fast that the processor is what limits writes; so the same follows with 5 ms more for each fdatasync, which strace injects where it is installed. And where a machine has but
two processors for a client, a worker and the thread that syncs, the kernel puts now two of them on one, now two others, while the other processor has nothing to do; so all of
it is measured once more with the server on one half of the processors and its clients on the other.
"""

import csv
import io
import multiprocessing
import os
import random
import shlex
import shutil
import socket
import statistics
import subprocess
import sys
import time

import figures
import latency
import servers
import wire

CONNECTIONS, SYNCED_CONNECTIONS = 50, 64
KEYS = 100_000
PIPELINES = (1, 16)
WORKLOADS = (("SET", ["SET", "key:__rand_int__", "v" * 16]), ("INCR", ["INCR", "counter:__rand_int__"]))
SYNCS = 300
SYNCED_SECONDS = 5
ROUND_SECONDS = 3
PROBE_PAUSE_SECONDS = 0.001
SLOWER_MS = 5
# A thread that strace has not yet seen in a system call that it traces is stopped at each of its others as well, filter or not. So one is traced that every thread does
# when it begins, which names it; without it a server whose other threads do the syncing pays for the tracer ten times what it does itself.
SLOWED = f"strace -f --seccomp-bpf -qq -o /dev/null -e trace=fdatasync,prctl -e inject=fdatasync:delay_exit={SLOWER_MS * 1000} "
# What a process of its own runs, so that it can be slowed as the server is.
TIMED = """
import os, statistics, sys, tempfile, time
with tempfile.NamedTemporaryFile(dir=sys.argv[1]) as file:
    times = []
    for _ in range(int(sys.argv[2])):
        os.write(file.fileno(), b"x" * 64)
        begun = time.perf_counter()
        os.fdatasync(file.fileno())
        times.append((time.perf_counter() - begun) * 1000)
print(statistics.median(times))
"""


def run(tally, peer, threads, requests, rounds):
    """Prints both tables."""
    logs = {"off": "--appendonly no", "everysec": "--appendonly yes --appendfsync everysec --auto-aof-rewrite-percentage 0"}
    commands = {"redis-server": servers.peer_command(peer), "tally": servers.tally_command(tally)}
    print(f"CPU microseconds per write, medians of {rounds} rounds of {requests:,} requests, each in a server of its own. {figures.machine()}.")
    places = [(name, log) for name in commands for log in logs]
    spent = {}
    for number in range(rounds):
        for name, log in places[number % len(places):] + places[:number % len(places)]:
            with servers.Servers() as started:
                server = started.start(f"{name} {log}", f"{commands[name]} {logs[log]}", threads)
                wait_for_rewrites([server])
                for label, argv in WORKLOADS:
                    # All keys exist then.
                    benchmark(server, argv, max(PIPELINES), KEYS * 5, CONNECTIONS)
                    for pipeline in PIPELINES:
                        count = requests * (4 if pipeline > 1 else 1)
                        drive(server, argv, pipeline, count // 10)
                        spent.setdefault((label, pipeline, name, log), []).append(drive(server, argv, pipeline, count))
    rows = []
    for label, pipeline in [(label, pipeline) for label, _ in WORKLOADS for pipeline in PIPELINES]:
        cells = [f"{label} x{pipeline}"]
        for name in commands:
            off, on = (statistics.median(spent[label, pipeline, name, log]) for log in logs)
            cells += [f"{off:.2f}", f"{on:.2f}", f"{on / off:.2f}"]
        rows.append(cells)
    figures.show_table(["write", "redis off", "everysec", "ratio", "tally off", "everysec", "ratio"], rows)
    print()
    synced(commands, threads, rounds)


def synced(commands, threads, rounds):
    """appendfsync always."""
    flags = "--appendonly yes --appendfsync always --auto-aof-rewrite-percentage 0"
    argv = ["INCR", "counter:__rand_int__"]
    rows = []
    disks = [("", "")] + ([(" slow disk", SLOWED)] if shutil.which("strace") else [])
    processors = os.sched_getaffinity(0)
    for disk, slowed, for_server in [(disk, slowed, half) for half in halves(processors) for disk, slowed in disks]:
        # What is started inherits it; a server says its own.
        os.sched_setaffinity(0, processors - for_server or processors)
        place = f"taskset -c {','.join(map(str, sorted(for_server)))} " if for_server else ""
        with servers.Servers() as started:
            runners = {name: started.start(name, f"{place}{slowed}{command} {flags}", threads) for name, command in commands.items()}
            wait_for_rewrites(runners.values())
            bounds, quiet, writes, busy = {}, {}, {name: [] for name in runners}, {name: [] for name in runners}
            for name, server in runners.items():
                bounds[name] = SYNCED_CONNECTIONS / (fdatasync_ms(server.directory, place + slowed) / 1000)
                quiet[name] = reads(server)
            for number in range(rounds):
                for name in list(runners)[number % len(runners):] + list(runners)[:number % len(runners)]:
                    per_second, latencies = reads_beside(runners[name], argv)
                    writes[name].append(per_second)
                    busy[name] += latencies
        for name, command in commands.items():
            median = statistics.median(writes[name])
            with servers.Servers() as started:
                control = reads_beside_bursts(started.start(name, f"{place}{command} --appendonly no", threads), median)
            waits = [at(quiet[name], 0.99), at(busy[name], 0.99), at(control, 0.99)]
            label = f"{name}{disk}{' apart' if for_server else ''}"
            spread = f"{min(writes[name]):,.0f} to {max(writes[name]):,.0f}"
            rows.append([label, f"{1000 * SYNCED_CONNECTIONS / bounds[name]:.3f}", f"{median:,.0f}", spread, f"{median / bounds[name]:.2f}"] + [f"{wait:.2f}" for wait in waits] + [f"{waits[1] / waits[0]:.1f}", f"{waits[1] / waits[2]:.1f}"])
    os.sched_setaffinity(0, processors)
    print(f"appendfsync always, {SYNCED_CONNECTIONS} connections, {rounds} rounds of each in turn; GET of another key once a millisecond from one more.")
    print("apart: the server on one half of the processors, its clients on the other.")
    header = ["server", "fdatasync ms", "writes/s", "of rounds", f"of {SYNCED_CONNECTIONS}/fdatasync", "GET p99 ms quiet", "while writing", "without a log", "to quiet", "to no log"]
    figures.show_table(header, rows)


def halves(processors):
    """The processors that are the server's alone: none, and half of them where there are two or more and a program to say so."""
    half = len(processors) // 2
    return [set()] + ([set(sorted(processors)[:half])] if half and shutil.which("taskset") else [])


def at(latencies, quantile):
    return sorted(latencies)[min(int(len(latencies) * quantile), len(latencies) - 1)]


def reads(server):
    """How long GETs take, in ms."""
    stop, queue, probe = probing(server)
    time.sleep(SYNCED_SECONDS)
    return end_probing(stop, queue, probe)


def reads_beside(server, argv):
    """How many of `argv` are written per second, and how long GETs take meanwhile, in ms."""
    per_second = benchmark(server, argv, 1, 2_000, SYNCED_CONNECTIONS)
    stop, queue, probe = probing(server)
    per_second = benchmark(server, argv, 1, max(int(per_second * ROUND_SECONDS), 2_000), SYNCED_CONNECTIONS)
    return per_second, end_probing(stop, queue, probe)


def probing(server):
    """A process that asks for another key, with what ends it and where it will say how long it took."""
    context = multiprocessing.get_context("fork")
    stop, queue = context.Event(), context.Queue()
    probe = context.Process(target=latency.probe, args=(server.port, [b"GET", b"other"], PROBE_PAUSE_SECONDS, stop, queue), daemon=True)
    probe.start()
    return stop, queue, probe


def end_probing(stop, queue, probe):
    stop.set()
    latencies = queue.get()
    probe.join()
    return latencies


def reads_beside_bursts(server, writes):
    """How long GETs take, in ms, while so many writes per second come from all connections at once."""
    stop, queue, probe = probing(server)
    writer = multiprocessing.get_context("fork").Process(target=burst, args=(server.port, SYNCED_CONNECTIONS / writes, stop), daemon=True)
    writer.start()
    time.sleep(SYNCED_SECONDS)
    latencies = end_probing(stop, queue, probe)
    writer.join()
    return latencies


def burst(port, pause_seconds, stop):
    """Sends a request over each connection, reads all replies, and does so again after a pause."""
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(SYNCED_CONNECTIONS)]
    for connection in connections:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    due = time.monotonic()
    while not stop.is_set():
        for connection in connections:
            connection.sendall(wire.encode([b"INCR", b"counter:%012d" % random.randrange(KEYS)]))
        for connection in connections:
            connection.recv(64)
        # What is late is not made up for.
        due = max(due + pause_seconds, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


def fdatasync_ms(directory, prefix):
    """The median time of a fdatasync after a small append, in the server's directory."""
    line = shlex.split(prefix) + [sys.executable, "-c", TIMED, directory, str(SYNCS)]
    return float(subprocess.run(line, capture_output=True, text=True, check=True).stdout)


def benchmark(server, argv, pipeline, requests, connections):
    """Requests per second."""
    line = [servers.need("redis-benchmark"), "-h", "127.0.0.1", "-p", str(server.port), "-c", str(connections), "-P", str(pipeline), "-n", str(requests), "-r", str(KEYS), "--csv"] + argv
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode != 0 or "rror" in done.stdout + done.stderr:
        servers.die(f"redis-benchmark failed on {server.name}: {' '.join(line)}\n{done.stdout}{done.stderr}")
    return float(list(csv.reader(io.StringIO(done.stdout)))[-1][1])


def drive(server, argv, pipeline, requests):
    """CPU microseconds of the server per request."""
    before = cpu_ns(server)
    benchmark(server, argv, pipeline, requests, CONNECTIONS)
    return (cpu_ns(server) - before) / 1000 / requests


def cpu_ns(server):
    """What all its threads have spent on a CPU. None ends during a run."""
    total = 0
    for thread in os.listdir(f"/proc/{server.pid}/task"):
        with open(f"/proc/{server.pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def wait_for_rewrites(started):
    """A log that begins is written once."""
    for server in started:
        while any("rewrite" in name for name in thread_names(server.pid)):
            time.sleep(0.05)


def thread_names(pid):
    """The names of a process' threads. One that ends meanwhile has none."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/comm", encoding="ascii") as file:
                yield file.read()
        except (FileNotFoundError, ProcessLookupError):
            pass
