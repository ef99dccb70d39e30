"""What is compared besides sequences: the command table, COMMAND GETKEYS, and bytes that are no proper request."""

import collections
import time

import differences
import wire

SCOPE = """set get getex getdel getset setnx setex psetex mget mset msetnx append strlen getrange substr setrange incr decr incrby decrby incrbyfloat lcs
del unlink exists type touch expire pexpire expireat pexpireat ttl pttl expiretime pexpiretime persist rename renamenx copy move swapdb randomkey keys scan
dump restore dbsize flushdb flushall object hset hmset hsetnx hget hmget hgetall hdel hexists hkeys hvals hlen hstrlen hincrby hincrbyfloat hrandfield hscan
sadd srem smove sismember smismember scard smembers spop srandmember sscan sinter sintercard sinterstore sunion sunionstore sdiff sdiffstore
zadd zincrby zrem zcard zscore zmscore zrank zrevrank zcount zlexcount zrange zrevrange zrangebyscore zrevrangebyscore zrangebylex zrevrangebylex
zremrangebyrank zremrangebyscore zremrangebylex zpopmin zpopmax multi exec discard watch unwatch eval evalsha eval_ro evalsha_ro script
zrangestore zmpop zrandmember zscan zunion zinter zdiff zintercard zunionstore zinterstore zdiffstore
geoadd geopos geodist geohash geosearch geosearchstore georadius georadiusbymember georadius_ro georadiusbymember_ro
lpush rpush lpushx rpushx lpop rpop lmpop llen lindex lset lrange linsert lrem ltrim lpos lmove rpoplpush blpop brpop blmpop blmove brpoplpush bzpopmin bzpopmax bzmpop sort sort_ro
ping echo select hello auth reset client config command readonly readwrite asking cluster time role lolwut info slowlog memory acl""".split()

FIELDS = ("name", "arity", "flags", "first key", "last key", "step", "categories", None, "key specs")
# Without a cluster shard channels are channels, and no keys that lock anything.
SHARD_CHANNELS = {"spublish", "ssubscribe", "sunsubscribe"}
KEY_FIELDS = {"first key", "last key", "step", "key specs"}
NEWER_SUBCOMMANDS = {"client|setinfo", "client|no-touch"}
# Tally takes ZRANK WITHSCORE, as servers since 7.2, so its arity is "3 or more".
NEWER_ARITY = {("zrank", -3), ("zrevrank", -3)}

GETKEYS = """GET a|DUMP a|RESTORE a 0 b REPLACE|MGET a b c|MSET a 1 b 2|MSETNX a 1 b 2|SET a b EX 10 GET|DEL a b|EVAL script 2 a b c|EVAL script 0 a|EVAL script 5 a|EVAL script x a|EVALSHA x 1 a|ZADD a NX 1 b|COPY a b DB 1|RENAME a b
LCS a b LEN|OBJECT ENCODING a|HSET a f v|ZRANGE a 0 -1|PING|SELECT 1|MULTI|WATCH a b|SWAPDB 0 1|NOSUCH a|GET|SET a|CONFIG GET a|CLIENT ID|KEYS *|SCAN 0|EXISTS a a b|HMGET a f g|ZPOPMIN a 2|EVAL_RO s 1 a b
EVALSHA_RO s 2 a b|LPUSH a b|LMOVE a b LEFT LEFT|RPOPLPUSH a b|LMPOP 2 a b LEFT|BLPOP a b 0|BLPOP a 0|BLMPOP 0 2 a b LEFT|BZMPOP 0 3 a b MIN|BLMOVE a b LEFT LEFT 0|BRPOPLPUSH a b 0|BZPOPMAX a b c 0|LMPOP 3 a b LEFT|SORT a|SORT a BY b_* GET c LIMIT 1 2 STORE d|SORT a STORE b STORE c|SORT a STORE get STORE b|SORT a store limit|SORT a STORE|SORT_RO a BY b STORE c|TOUCH a b|UNLINK a b c|get a|SCRIPT LOAD x|OBJECT FOO a|EVAL s -1 a|COMMAND GETKEYS GET a|SADD a x y|SMOVE a b x|SINTER a b|SDIFFSTORE a b c|SINTERCARD 2 a b LIMIT 1|SINTERCARD 3 a b|SPOP a 2
GEOADD a 1 1 x|GEOSEARCH a FROMMEMBER b BYRADIUS 1 m|GEOSEARCHSTORE a b FROMMEMBER c BYRADIUS 1 m|GEORADIUS a 1 1 1 m|GEORADIUS a 1 1 1 m STORE b|GEORADIUS a 1 1 1 m store b STORE c STOREDIST d STOREDIST e
GEORADIUS a 1 1 1 m STORE STOREDIST b|GEORADIUS a 1 1 1 m STORE|GEORADIUSBYMEMBER a STORE 1 STORE STOREDIST b|GEORADIUSBYMEMBER a b 1 m ASC STOREDIST c|GEORADIUS_RO a 1 1 1 m STORE b
ZUNION 2 a b WEIGHTS 1 2|ZUNION 3 a b|ZINTER x a|ZDIFF 0 a|ZINTERCARD 1 a LIMIT 1|ZUNIONSTORE d 2 a b AGGREGATE MAX|ZINTERSTORE d 5 a b|ZDIFFSTORE d 1 a|ZRANGESTORE a b 0 -1|ZMPOP 2 a b MIN""".replace("\n", "|").split("|")

RAW = [
    b"PING\r\n", b"PING\n", b"ping hello\r\n", b"\r\n\r\nPING\r\n", b"  PING  \r\n", b"SET a \"b c\"\r\nGET a\r\n", b"SET a 'b c'\r\nGET a\r\n",
    b"ECHO \"\\x41\\n\\\"\"\r\n", b"ECHO '\\x41\\''\r\n", b"ECHO \"unbalanced\r\n", b"ECHO 'unbalanced\r\n", b"ECHO \"a\"b\r\n", b"ECHO \"\"\r\n", b"NOSUCH a b\r\n", b"GET\r\n", b"\x00\r\n",
    b"*1\r\n$4\r\nPING\r\n", b"*0\r\n*1\r\n$4\r\nPING\r\n", b"*-1\r\n*1\r\n$4\r\nPING\r\n", b"*-5\r\nPING\r\n", b"*x\r\n", b"*\r\n", b"*1\r\nPING\r\n", b"*1\r\n:4\r\nPING\r\n", b"*1\r\n+PING\r\n",
    b"*1\r\n$x\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$-2\r\n", b"*1\r\n$\r\n", b"*1\r\n$4 \r\nPING\r\n", b"*1\r\n$+4\r\nPING\r\n", b"*+1\r\n$4\r\nPING\r\n", b"*01\r\n$4\r\nPING\r\n", b"*1\r\n$04\r\nPING\r\n",
    b"* 1\r\n$4\r\nPING\r\n", b"*1 \r\n$4\r\nPING\r\n", b"*1\r\n$536870913\r\n", b"*1\r\n$9999999999999999999999\r\n", b"*1048577\r\n", b"*2147483648\r\n", b"*9223372036854775808\r\n", b"*99999999999999999999999999\r\n",
    b"*1\r\n$0\r\n\r\n", b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", b"*2\r\n$4\r\nECHO\r\n$4\r\na\r\nb\r\n", b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n", b"*1\r\n$3\r\nPING\r\n", b"*1\r\n$5\r\nPING\r\n\r\n",
    b"*1\n$4\nPING\n", b"*1\r$4\rPING\r", b"*1\r\n$4\r\nPING", b"*2\r\n$3\r\nGET\r\n", b"$4\r\nPING\r\n", b"+PING\r\n", b":1\r\n", b"-ERR\r\n", b"%1\r\n", b"~1\r\n", b"HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n",
    b"POST / HTTP/1.1\r\n\r\n", b"POST /x\r\n", b"Host: x\r\n", b"host: x\r\n", b"*1\r\n$4\r\nPOST\r\n", b"*1\r\n$5\r\nHost:\r\n", b"QUIT\r\nPING\r\n", b"*1\r\n$4\r\nQUIT\r\n", b"*2\r\n$4\r\nQUIT\r\n$1\r\nx\r\n",
    b"*1\r\n$4\r\nPING\r\n" * 1000, b"PING\r\n" * 1000, b"x" * 70000, b"*1\r\n$" + b"1" * 70000, b"*" + b"1" * 70000, b"ECHO " + b"y" * 65000 + b"\r\n", b"*1\r\n$4\r\nPING\r\n*x\r\n*1\r\n$4\r\nPING\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$-1\r\n", b"*2\r\n*1\r\n$4\r\nPING\r\n", b"*2\r\n$4\r\nPING\r\n$3\r\n\x00\r\n\r\n", b"*1\r\n$9\r\nNO\r\nSUCH!\r\n", b"*2\r\n$9\r\nNO\r\nSUCH!\r\n$4\r\na\r\nb\r\n",
    b"*3\r\n$4\r\nEVAL\r\n$26\r\nreturn {err='a\\r\\nb',ok=1}\r\n$1\r\n0\r\n", b"HELLO 3\r\nHELLO 2\r\nNOSUCH\r\n", b"*1\r\n$200\r\n" + b"n" * 200 + b"\r\n", b"*2\r\n$6\r\nNOSUCH\r\n$200\r\n" + b"n" * 200 + b"\r\n",
    b"MULTI\r\nNOSUCH\r\nEXEC\r\n", b"CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\n", b"CLIENT REPLY SKIP\r\nPING\r\nPING\r\n", b"RESET\r\nPING\r\n", b"\xff\xfe\r\n", b"PING\r\r\n", b"PING \t x\r\n", b"PING\tx\r\n", b"\"PING\"\r\n", b"'PING' \"x\"\r\n",
]
QUIET_SECONDS = 0.4
SENTINEL = b"*2\r\n$4\r\nECHO\r\n$8\r\nsentinel\r\n"


def info(connection, name):
    """COMMAND INFO of one command as a dict by FIELDS, with its subcommands, or None."""
    row = connection.text("COMMAND", "INFO", name)
    if isinstance(row, Exception) or row.kind == "-":
        raise wire.Malformed(f"COMMAND INFO {name}: {row.data!r}")
    row = row.native()[0]
    return None if row is None else describe(row)


def describe(row):
    out = {field: stable(value) for field, value in zip(FIELDS, row) if field}
    for field in ("flags", "categories"):
        out[field] = sorted(out[field])
    out["subcommands"] = {sub["name"]: sub for sub in (describe(item) for item in row[9])} if len(row) > 9 else {}
    return out


def stable(value):
    """Plain text, whatever the order of maps and sets."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, dict):
        return {stable(key): stable(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [stable(item) for item in value]
    return value


def compare_info(tally, peer, explained):
    """The differences between two descriptions, as texts; and how many fields agreed. Known differences are counted in `explained`."""
    agreed, texts = 0, []
    for field in FIELDS:
        if field is None:
            continue
        one, other = tally.get(field), peer.get(field)
        if field == "key specs":
            # Flags of a key spec are a set, and its note is prose.
            one, other = [spec_form(spec) for spec in one or []], [spec_form(spec) for spec in other or []]
        if one == other or field == "arity" and (tally["name"], one) in NEWER_ARITY:
            agreed += 1
        elif tally["name"] in SHARD_CHANNELS and field in KEY_FIELDS:
            explained["shard channels are no keys: there are no clusters"] += 1
        else:
            texts.append(f"{peer['name']}: {field}: tally {one}, peer {other}")
    for name, sub in sorted(peer["subcommands"].items()):
        if name in tally["subcommands"]:
            more, found = compare_info(tally["subcommands"][name], sub, explained)
            agreed += more
            texts += found
        elif peer["name"] in differences.MISSING_SUBCOMMANDS:
            explained[differences.MISSING_SUBCOMMANDS[peer["name"]]] += 1
        else:
            texts.append(f"{peer['name']}: subcommand {name} is missing")
    for name in tally["subcommands"]:
        if name not in peer["subcommands"] and name not in NEWER_SUBCOMMANDS:
            texts.append(f"{peer['name']}: subcommand {name} is unknown to the peer")
    return agreed, texts


def spec_form(spec):
    spec = {key: value for key, value in spec.items() if key != "notes"}
    spec["flags"] = sorted(spec.get("flags", []))
    return spec


def check_table(tally, peer):
    """COMMAND INFO of every command in scope, or that Tally has; and COMMAND GETKEYS. `tally`, `peer`: RESP3 connections."""
    passed, failures, explained = 0, [], collections.Counter()
    listed = tally.text("COMMAND")
    names = list(SCOPE)
    if isinstance(listed.data, list):
        names += sorted(row[0].decode() for row in listed.native() if row[0].decode() not in SCOPE)
    for name in names:
        theirs = info(peer, name)
        ours = info(tally, name)
        if theirs is None:
            continue
        if ours is None:
            failures.append(f"COMMAND INFO {name}: Tally does not know it")
            continue
        agreed, texts = compare_info(ours, theirs, explained)
        passed += agreed
        failures += ["COMMAND INFO " + text for text in texts]
    for line in GETKEYS:
        argv = [b"COMMAND", b"GETKEYS"] + line.encode().split(b" ")
        one, other = tally.call(argv), peer.call(argv)
        if one == other:
            passed += 1
        else:
            failures.append(f"COMMAND GETKEYS {line}\n    tally {one!r}\n    peer  {other!r}")
    return passed, failures, explained


def check_raw(tally_address, peer_address):
    """Sends each of RAW on a connection of its own to both servers; compares all bytes that come back, and who closed."""
    passed, failures, explained = 0, [], collections.Counter()
    connections = [(wire.Connection(tally_address), wire.Connection(peer_address)) for _ in RAW]
    outcomes = []
    for data, pair in zip(RAW, connections):
        for connection in pair:
            try:
                connection.send(data)
            except OSError:
                pass  # Closed while we were sending; what it said before that is still to be read.
    time.sleep(QUIET_SECONDS)
    for pair in connections:
        outcomes.append([connection.rest(0.005) for connection in pair])
    # A connection that is still open shows by a last command whether it is in step, or still waits for bytes.
    for pair, outcome in zip(connections, outcomes):
        for connection, (_, closed) in zip(pair, outcome):
            if not closed:
                try:
                    connection.send(SENTINEL)
                except OSError:
                    pass
    time.sleep(QUIET_SECONDS)
    for data, pair, outcome in zip(RAW, connections, outcomes):
        ends = []
        for connection, (got, closed) in zip(pair, outcome):
            if not closed:
                more, closed = connection.rest(0.005)
                got = got + b" | " + more
            ends.append((normal_hello(got), closed))
            connection.close()
        if ends[0] == ends[1]:
            passed += 1
        elif data in differences.RAW_DIFFERENCES:
            passed += 1
            explained[differences.RAW_DIFFERENCES[data]] += 1
        else:
            text = "\n".join(f"    {name} {clip(got)}{' (closed)' if closed else ''}" for name, (got, closed) in zip(("tally", "peer "), ends))
            failures.append(f"raw {clip(data)}\n{text}")
    return passed, failures, explained


def normal_hello(data):
    """HELLO names its server and its client: two lines that differ by design."""
    if b"proto" not in data:
        return data
    lines, out, skip = data.split(b"\r\n"), [], 0
    for line in lines:
        if skip:
            skip -= 1
            continue
        out.append(line)
        if line in (b"server", b"version"):
            skip = 2
        elif line == b"id":
            skip = 1
    return b"\r\n".join(out)


def clip(data):
    text = repr(data)[1:]
    return text if len(text) <= 200 else f"{text[:160]}... ({len(data)} bytes)"
