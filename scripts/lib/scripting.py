"""What a script costs with one worker and with two, on keys that hardly meet: declared, and undeclared ones that it makes of its arguments.

redis-benchmark sends EVALSHA with random keys. For each number of workers: CPU microseconds of the server process per script, and how the workers shared the
work. With one client process a small machine does not keep two workers busy all the time; both should do half of what is done.
"""

import os
import statistics
import subprocess

import figures
import servers
import wire

KEYS = 1_000_000
PIPELINE = 16
RAND = "__rand_int__"
BODY = """local count = redis.call('INCR', %s)
if count == 1 then redis.call('PEXPIRE', %s, ARGV[1]) end
return count"""
# Name, script, what follows the digest.
SCRIPTS = (
    ("declared", BODY % ("KEYS[1]", "KEYS[1]"), ["1", "window:" + RAND, "3600000"]),
    ("made of KEYS", BODY % ("KEYS[1] .. ':count'", "KEYS[1] .. ':count'"), ["1", "client:" + RAND, "3600000"]),
    ("made of ARGV", BODY % ("'count:' .. ARGV[2]", "'count:' .. ARGV[2]"), ["0", "3600000", "client:" + RAND]),
)


def worker_nanos(server):
    """The CPU time of each worker so far."""
    folder, spent = f"/proc/{server.pid}/task", {}
    for thread in os.listdir(folder):
        with open(f"{folder}/{thread}/comm", encoding="utf-8") as file:
            name = file.read().strip()
        with open(f"{folder}/{thread}/schedstat", encoding="ascii") as file:
            spent[f"{name} {thread}"] = int(file.read().split()[0])
    return spent


def drive(server, digest, arguments, requests):
    """CPU microseconds per script, and the share of the worker that did least of all that workers did."""
    before = worker_nanos(server)
    argv = [servers.need("redis-benchmark"), "-h", "127.0.0.1", "-p", str(server.port), "-c", "50", "-P", str(PIPELINE),
            "-n", str(requests), "-r", str(KEYS), "-q", "EVALSHA", digest, *arguments]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0 or "rror" in done.stdout + done.stderr:
        servers.die(f"redis-benchmark failed on {server.name}: {done.stdout}{done.stderr}")
    spent = {name: nanos - before.get(name, 0) for name, nanos in worker_nanos(server).items()}
    # The standby is the last of those with a number, and gets nothing.
    workers = sorted(nanos for name, nanos in spent.items() if name.startswith("tally-") and name.split()[0][6:].isdigit())
    workers = workers[-server.threads:]
    return sum(spent.values()) / 1000 / requests, workers[0] / sum(workers) if workers else 1.0


def run(tally, peer, scripts=400_000, rounds=5, threads=2):
    print(f"EVALSHA of INCR and PEXPIRE on {KEYS:,} random keys, 50 connections, pipelines of {PIPELINE}, median of {rounds} rounds of {scripts:,} scripts. {figures.machine()}.")
    rows = []
    with servers.Servers() as started:
        runners = [started.start("redis-server", servers.peer_command(peer))]
        runners[0].threads = 1
        for number in (1, threads):
            runners.append(started.start(f"tally-{number}", servers.tally_command(tally), number))
            runners[-1].threads = number
        for name, body, arguments in SCRIPTS:
            results = {server.name: [] for server in runners}
            for server in runners:
                connection = wire.Connection(("127.0.0.1", server.port))
                server.digest = connection.text("SCRIPT", "LOAD", body).data.decode()
                connection.text("FLUSHALL")
                connection.close()
                drive(server, server.digest, arguments, scripts // 4)
            for turn in range(rounds):
                for index in range(len(runners)):
                    server = runners[(index + turn) % len(runners)]
                    results[server.name].append(drive(server, server.digest, arguments, scripts))
            redis, one, two = ([statistics.median(run[field] for run in results[server.name]) for field in (0, 1)] for server in runners)
            rows.append([name, f"{redis[0]:.2f}", f"{one[0]:.2f}", f"{two[0]:.2f}", f"{two[0] / one[0]:.2f}", f"{two[1] * 100:.0f} %"])
    figures.show_table(["keys", "redis us", "one worker us", f"{threads} workers us", "ratio", "least share of a worker"], rows)
