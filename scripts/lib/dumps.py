"""Moves values by DUMP and RESTORE from each server to the other, in every type and encoding, and compares what arrives."""

import wire

SOURCE, COPY = b"dumps:source", b"dumps:copy"
SETTINGS = [[], [b"rdbcompression", b"no"]]
READS = {b"string": [b"GET"], b"list": [b"LRANGE", 0, -1], b"set": [b"SMEMBERS"], b"hash": [b"HGETALL"], b"zset": [b"ZRANGE", 0, -1, b"WITHSCORES"]}


def values():
    """Names, and commands that make a value."""
    numbers = [0, 1, 12, 13, 63, 127, 128, -1, -128, -129, 4095, 4096, -4096, -4097, 32767, 32768, -32769, 8388607, -8388609, 2147483647, 2147483648, -2147483649, (1 << 63) - 1, -(1 << 63)]
    texts = [b"", b"a", b"007", b"\0\xff\r\n", b"x" * 63, b"x" * 64, b"ab" * 40, b"y" * 300, b"z" * 5000, bytes(range(256)), b"9223372036854775808"]
    everything = [b"%d" % number for number in numbers] + texts
    for text in everything:
        yield f"string of {len(text)} bytes", [[b"SET", SOURCE, text]]
    yield "string of 300 KB", [[b"SET", SOURCE, bytes((i * i >> 5) & 255 for i in range(300_000))]]
    yield "string that was appended to", [[b"SET", SOURCE, b"1"], [b"APPEND", SOURCE, b"2"]]
    for size in (1, 40, 3000):
        many = [everything[i % len(everything)] if size < 100 else b"element %d" % i for i in range(size)]
        yield f"list of {size}", [[b"RPUSH", SOURCE] + many]
        yield f"set of {size}", [[b"SADD", SOURCE] + many]
        yield f"set of {size} integers", [[b"SADD", SOURCE] + [b"%d" % (i * i * 7 - 1000) for i in range(size)]]
        yield f"hash of {size}", [[b"HSET", SOURCE] + [word for i, text in enumerate(many) for word in (b"f%d" % i, text)]]
        yield f"hash of {size} short fields", [[b"HSET", SOURCE] + [word for i in range(size) for word in (b"%d" % i, b"v%d" % i)]]
        yield f"sorted set of {size}", [[b"ZADD", SOURCE] + [word for i, text in enumerate(many) for word in (b"%r" % ((i % 7) / 8), text)]]
        yield f"sorted set of {size} integers", [[b"ZADD", SOURCE] + [word for i in range(size) for word in (b"%d" % (i * 1000), b"m%d" % i)]]
    many = 40_000  # So much is read and written away from the keys.
    yield f"hash of {many}", [[b"HSET", SOURCE] + [word for i in range(many) for word in (b"field %d" % i, b"value %d" % i)]]
    yield f"sorted set of {many}", [[b"ZADD", SOURCE] + [word for i in range(many) for word in (b"%d" % (i % 1000), b"member %d" % i)]]
    yield "list of long elements", [[b"RPUSH", SOURCE] + [bytes([65 + i]) * (4000 * i) for i in range(8)]]
    for size in (1, 90, 2000):
        entries = [[b"XADD", SOURCE, b"%d-%d" % (i // 3 + 1, i), *([b"f", b"value %d" % i] if i % 7 else [b"g", everything[i % len(everything)], b"", b"-1"])] for i in range(size)]
        yield f"stream of {size}", entries
        yield f"stream of {size}, some deleted", entries + [[b"XDEL", SOURCE] + [b"%d-%d" % (i // 3 + 1, i) for i in range(0, size, 3)], [b"XTRIM", SOURCE, b"MAXLEN", b"%d" % (size // 2)]]
        yield f"stream of {size}, with groups", entries + [
            [b"XGROUP", b"CREATE", SOURCE, b"g", b"0"], [b"XGROUP", b"CREATE", SOURCE, b"h", b"5", b"ENTRIESREAD", b"3"], [b"XGROUP", b"CREATECONSUMER", SOURCE, b"h", b"idle"],
            [b"XREADGROUP", b"GROUP", b"g", b"c", b"COUNT", b"50", b"STREAMS", SOURCE, b">"], [b"XREADGROUP", b"GROUP", b"g", b"d", b"COUNT", b"1000", b"STREAMS", SOURCE, b">"],
            [b"XDEL", SOURCE, b"2-3", b"3-6"], [b"XACK", SOURCE, b"g", b"3-7", b"3-8"], [b"XCLAIM", SOURCE, b"g", b"e", b"0", b"1-1", b"TIME", b"1000", b"RETRYCOUNT", b"77"]]
    yield "stream without entries", [[b"XGROUP", b"CREATE", SOURCE, b"g", b"$", b"MKSTREAM"]]
    yield "set of every width", [[b"SADD", SOURCE] + [b"%d" % number for number in numbers]]
    yield "sorted set of every score", [[b"ZADD", SOURCE] + [word for i, number in enumerate(numbers + ["inf", "-inf", "0.1", "1e300", "-2.5e-9"]) for word in (str(number).encode(), b"m%d" % i)]]


def stream(connection, key):
    """All that XINFO tells of a stream."""
    return wire.lines(wire.parse(connection.call([b"XINFO", b"STREAM", key, b"FULL", b"COUNT", b"0"])))


def content(connection, key):
    """What a key holds, without order where there is none, and scores as numbers."""
    kind = wire.parse(connection.call([b"TYPE", key])).data
    if kind == b"none":
        return kind
    if kind == b"stream":
        return kind, stream(connection, key)
    name, *rest = READS[kind]
    reply = wire.parse(connection.call([name, key] + [word if isinstance(word, bytes) else b"%d" % word for word in rest])).data
    items = [item.data for item in reply] if isinstance(reply, list) else reply
    if kind == b"set":
        return kind, sorted(items)
    if kind == b"hash":
        return kind, sorted(zip(items[::2], items[1::2]))
    if kind == b"zset":
        return kind, [(member, float(score)) for member, score in zip(items[::2], items[1::2])]
    return kind, items


def check(addresses):
    """(passed, failures) of all values in both directions between two servers, given as (name, address)."""
    passed, failures = 0, []
    servers = [(name, wire.Connection(address)) for name, address in addresses]
    for setting in SETTINGS:
        for _, connection in servers:
            connection.call([b"CONFIG", b"SET", b"rdbcompression", b"yes"] if not setting else [b"CONFIG", b"SET"] + setting)
        for label, commands in values():
            for (source_name, source), (other_name, other) in (servers, servers[::-1]):
                for connection in (source, other):
                    connection.call([b"DEL", SOURCE, COPY])
                for command in commands:
                    source.call(command)
                payload = wire.parse(source.call([b"DUMP", SOURCE])).data
                reply = other.call([b"RESTORE", COPY, b"0", payload])
                if reply == b"+OK\r\n" and content(source, SOURCE) == content(other, COPY):
                    passed += 1
                else:
                    failures.append(f"DUMP {label} from {source_name} to {other_name}: {reply[:100]!r}")
    for _, connection in servers:
        connection.call([b"CONFIG", b"SET", b"rdbcompression", b"yes"])
        connection.call([b"DEL", SOURCE, COPY])
        connection.close()
    return passed, failures
