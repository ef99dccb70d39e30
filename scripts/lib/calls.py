"""What one command costs inside a script: scripts that do nothing else, again and again, Tally beside a redis-server, and the same loop without it.

Reads each server's CPU time, as the other workloads do; what the loop itself costs is shown, not taken off."""

import statistics
import appending
import figures
import servers
import wire

TURNS = 1000
BODIES = (
    ("no command", "local x = KEYS[1]"),
    ("GET", "redis.call('GET', KEYS[1])"),
    ("INCR", "redis.call('INCR', KEYS[2])"),
    ("HGET", "redis.call('HGET', KEYS[3], 'field')"),
    ("SET", "redis.call('SET', KEYS[1], i)"),
)
KEYS = (b"calls:text", b"calls:count", b"calls:hash")


def nanos(server, body, scripts):
    """The CPU time of one turn of a loop around `body`, in nanoseconds."""
    connection = wire.Connection(("127.0.0.1", server.port))
    connection.text("SET", "calls:text", "value")
    connection.text("HSET", "calls:hash", "field", "value")
    script = b"for i = 1, %d do %s end" % (TURNS, body.encode())
    run = [b"EVAL", script, b"%d" % len(KEYS), *KEYS]
    for _ in range(20):
        connection.call(run)
    before = appending.cpu_ns(server)
    for _ in range(scripts):
        reply = connection.call(run)
        if reply.startswith(b"-"):
            servers.die(f"{server.name}: {reply.decode(errors='replace')}")
    spent = appending.cpu_ns(server) - before
    connection.close()
    return spent / scripts / TURNS


def run(tally, peer, scripts=1000, rounds=15, threads=1):
    with servers.Servers() as started:
        runners = [started.start("redis-server", servers.peer_command(peer)), started.start("tally", servers.tally_command(tally), threads)]
        rows = []
        for name, body in BODIES:
            spent = [[], []]
            for _ in range(rounds):
                for server, values in zip(runners, spent):
                    values.append(nanos(server, body, scripts))
            best, middle = [min(values) for values in spent], [statistics.median(values) for values in spent]
            cells = [f"{least:.0f} ns ({usual:.0f})" for least, usual in zip(best, middle)]
            rows.append([name] + cells + [f"{best[1] / best[0]:.2f} ({middle[1] / middle[0]:.2f})"])
    print(f"CPU time of one turn of a loop in a script, of {TURNS:,} turns; the best of {rounds} rounds of {scripts:,} scripts, and their median:")
    figures.show_table(["command", "redis-server", "Tally", "Tally / redis"], rows)
