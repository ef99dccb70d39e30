"""The memory limit under a flood of writes, and what is hit when memory is short: Tally beside a redis-server, policy by policy."""

import random
import threading

import servers
import wire

POLICIES = ("noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random",
            "volatile-ttl", "allkeys-s3fifo", "volatile-s3fifo")
MB = 1 << 20
WRITERS = 4
PIPELINE = 32
# A flood of each kind: its name, the limit, the bytes of a value, how many writes each connection makes.
FLOODS = (("small", 16 * MB, 100, 60_000), ("1 MB", 64 * MB, MB, 100))
ZIPF_KEYS = 400_000
ZIPF_REQUESTS = 400_000
ZIPF_LIMIT = 8 * MB


class Poller(threading.Thread):
    """Looks at used_memory again and again and keeps the highest."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.connection = wire.Connection(("127.0.0.1", port))
        self.over = threading.Event()
        self.highest = 0

    def run(self):
        while not self.over.is_set():
            self.highest = max(self.highest, info(self.connection, "memory")["used_memory"])

    def end(self):
        self.over.set()
        self.join()
        self.connection.close()
        return self.highest


def info(connection, section):
    lines = connection.call([b"INFO", section.encode()]).decode().splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {name: int(value) if value.isdigit() else value for name, value in pairs}


def knows(connection, policy):
    return connection.call([b"CONFIG", b"SET", b"maxmemory-policy", policy.encode()]).startswith(b"+OK")


def flood(port, policy, limit, value_bytes, writes):
    """The most memory in use beside the limit, how many keys were evicted, and how many writes found no room."""
    control = wire.Connection(("127.0.0.1", port))
    control.text("CONFIG", "SET", "maxmemory", "0")
    if not knows(control, policy):
        return None
    control.text("FLUSHALL")
    control.text("CONFIG", "RESETSTAT")
    control.text("CONFIG", "SET", "maxmemory", limit)
    poller = Poller(port)
    poller.start()
    refused = [0] * WRITERS

    def write(number):
        rng = random.Random(number)
        connection = wire.Connection(("127.0.0.1", port))
        left = writes
        pipeline = PIPELINE if value_bytes < 10_000 else 1
        while left > 0:
            batch = []
            for _ in range(pipeline):
                # Most keys have a TTL, so that what may go under volatile-* is most but not all.
                ttl = [] if rng.random() < 0.2 and value_bytes < 10_000 else [b"EX", b"%d" % rng.randrange(1000, 100_000)]
                key = b"key:%012d" % rng.randrange(1 << 32)
                batch.append([b"SET", key, b"v" * rng.randrange(value_bytes // 2, value_bytes * 3 // 2)] + ttl)
            left -= pipeline
            refused[number] += sum(reply.startswith(b"-OOM") for reply in connection.batch(batch))
        connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    highest = poller.end()
    evicted = info(control, "stats")["evicted_keys"]
    control.close()
    return highest / limit, evicted, sum(refused)


def hit_ratio(port, policy):
    """The share of GETs that hit, where each miss is followed by a SET. The first half fills and is not counted."""
    connection = wire.Connection(("127.0.0.1", port))
    connection.text("CONFIG", "SET", "maxmemory", "0")
    if not knows(connection, policy):
        return None
    connection.text("FLUSHALL")
    connection.text("CONFIG", "SET", "maxmemory", ZIPF_LIMIT)
    rng = random.Random(1)
    weights, total = [], 0.0
    for rank in range(1, ZIPF_KEYS + 1):
        total += rank ** -0.9
        weights.append(total)
    keys = [b"key:%012d" % key for key in rng.choices(range(ZIPF_KEYS), cum_weights=weights, k=ZIPF_REQUESTS)]
    hits = 0
    for at in range(0, len(keys), PIPELINE):
        batch = keys[at:at + PIPELINE]
        replies = connection.batch([[b"GET", key] for key in batch])
        misses = [key for key, reply in zip(batch, replies) if reply == b"$-1\r\n"]
        if misses:
            connection.batch([[b"SET", key, b"v" * 100, b"EX", b"100000"] for key in misses])
        if at >= len(keys) // 2:
            hits += len(batch) - len(misses)
    connection.close()
    return hits / (len(keys) // 2)


def row(*cells):
    print("".join(f"{cell:<18}" if at == 0 else f"{cell:>12}" for at, cell in enumerate(cells)), flush=True)


def run(tally_path, redis_path, floods=FLOODS, policies=POLICIES, ratios=True):
    """Prints the tables. Both paths name programs or command lines with {port}."""
    with servers.Servers() as running:
        tally = running.start("tally", servers.tally_command(tally_path), threads=2)
        redis = running.start("redis", servers.peer_command(redis_path and f"{redis_path} --port {{port}} --save ''"))
        for name, limit, value_bytes, writes in floods:
            print(f"flood of {name} values, {WRITERS} connections, maxmemory {limit // MB} MB: most used_memory / maxmemory")
            row("policy", "tally", "evicted", "OOM", "redis", "evicted", "OOM")
            for policy in policies:
                cells = []
                for server in (tally, redis):
                    result = flood(server.port, policy, limit, value_bytes, writes)
                    cells += [f"{result[0]:.3f}", result[1], result[2]] if result else ["-", "-", "-"]
                row(policy, *cells)
        if ratios:
            print(f"hit ratio of GET, a miss is SET; zipf 0.9 over {ZIPF_KEYS} keys of 100 bytes, maxmemory {ZIPF_LIMIT // MB} MB")
            row("policy", "tally", "redis")
            for policy in policies:
                ratios = [hit_ratio(server.port, policy) for server in (tally, redis)]
                row(policy, *(f"{ratio:.4f}" if ratio is not None else "-" for ratio in ratios))


if __name__ == "__main__":
    import sys

    run(sys.argv[1] if len(sys.argv) > 1 else None, None)
