"""Decides whether two replies to one command are the same, and lists where Tally means to differ.

`compare` answers SAME, a reason from DIFFERENCES, or None: a difference that nobody explained. What is normalised is no more
than must be: the order of what has none, the choice of what is random, and the milliseconds between two servers' clocks.
"""

import generate
import wire

SAME = "same"
CLOCK_MS_MAX = 3000
RANDOM = {b"RANDOMKEY", b"HRANDFIELD"}
UNORDERED = {b"KEYS"}
# In order while the hash is small, in no order once it is a table: the peer's OBJECT ENCODING decides.
UNORDERED_IF_TABLE = {b"HGETALL", b"HKEYS", b"HVALS"}
SECONDS = {b"TTL", b"EXPIRETIME"}
MILLISECONDS = {b"PTTL", b"PEXPIRETIME"}


class Context:
    """What `compare` may need besides the replies: the commands of an EXEC, and the encoding of a key at the peer."""

    def __init__(self, queued=(), encoding=lambda key: None):
        self.queued = list(queued)
        self.encoding = encoding


def compare(argv, tally, peer, context):
    """SAME, the reason of a known difference, or None. `tally` and `peer` are the bytes of the replies."""
    if tally == peer:
        return SAME
    return compare_values(effective(argv), wire.parse(tally), wire.parse(peer), context)


def effective(argv):
    """The command whose reply this is: a script that only forwards its arguments replies as they would."""
    if is_forward(argv) and b"(unpack(ARGV))" == argv[1][-14:]:
        return argv[3:]
    return argv


def is_forward(argv):
    return len(argv) > 3 and argv[0].upper() in (b"EVAL", b"EVAL_RO") and b"(unpack(ARGV))" in argv[1]


def compare_values(argv, tally, peer, context):
    name = argv[0].upper() if argv else b""
    if name == b"EXEC" and is_list(tally) and is_list(peer) and len(tally.data) == len(peer.data) == len(context.queued):
        verdict = SAME
        for inner, one, other in zip(context.queued, tally.data, peer.data):
            if one.encode() != other.encode():
                verdict = compare_values(effective(inner), one, other, context)
                if verdict is None:
                    return None
        return verdict
    if is_forward(argv) and is_list(tally) and is_list(peer) and len(tally.data) == len(peer.data) == 3:
        # The other form of forwarding: {reply, its type in Lua, number of arguments}.
        if any(one.encode() != other.encode() for one, other in zip(tally.data[1:], peer.data[1:])):
            return None
        return compare_values(argv[3:], tally.data[0], peer.data[0], context)
    if normal(name, argv, tally, peer, context):
        return SAME
    for names, test, reason in DIFFERENCES:
        if (names is None or name in names) and test(argv, tally, peer):
            return reason
    return None


def is_list(value):
    return isinstance(value.data, list)


def normal(name, argv, tally, peer, context):
    """Whether the replies are alike once order, chance and clocks are taken out."""
    if name in RANDOM:
        return tally.kind == peer.kind and (tally.data is None) == (peer.data is None) and (
            not is_list(tally) or len(tally.data) == len(peer.data))
    if name == b"TIME" or name == b"COMMAND" and (len(argv) == 1 or argv[1].upper() in (b"INFO", b"DOCS", b"COUNT", b"LIST")):
        # The command table is compared field by field in the part `table`.
        return tally.kind == peer.kind
    if name in UNORDERED and is_list(tally) and is_list(peer):
        return tally.kind == peer.kind and bag(tally) == bag(peer)
    if name in UNORDERED_IF_TABLE and is_list(tally) and is_list(peer):
        return tally.kind == peer.kind and bag(tally, name == b"HGETALL") == bag(peer, name == b"HGETALL") \
            and (is_big(peer) or context.encoding(argv[1]) != b"listpack")
    if name in (b"SCAN", b"HSCAN") and is_list(tally) and is_list(peer) and len(tally.data) == len(peer.data) == 2:
        return same_scan(name, argv, tally, peer)
    if name in SECONDS | MILLISECONDS and tally.kind == peer.kind == ":":
        one, other = int(tally.data), int(peer.data)
        return one > 0 and other > 0 and abs(one - other) <= (1 if name in SECONDS else CLOCK_MS_MAX)
    if name == b"HELLO" and is_list(tally) and is_list(peer):
        one, other = pairs(tally), pairs(peer)
        return tally.kind == peer.kind and all(one.get(field) == other.get(field) for field in (b'$"proto"', b'$"mode"', b'$"role"'))
    if name == b"CONFIG" and is_list(tally) and is_list(peer):
        return tally.kind == peer.kind and bag(tally, True) == bag(peer, True)
    return False


def same_scan(name, argv, tally, peer):
    """A scan that both servers finished in one call gives the same; of one that goes on only the shape can be compared."""
    cursor, other = tally.data[0], peer.data[0]
    start = argv[2] if name == b"HSCAN" else argv[1]
    if cursor.kind != "$" or not is_list(tally.data[1]) or not is_list(peer.data[1]):
        return False
    if start == b"0" and cursor.data == b"0" and other.data == b"0":
        return bag(tally.data[1], name == b"HSCAN") == bag(peer.data[1], name == b"HSCAN")
    return True


def bag(value, paired=False):
    """The elements (or the pairs) of an aggregate, sorted."""
    items = [item.encode() for item in value.data]
    return sorted(zip(items[::2], items[1::2])) if paired else sorted(items)


def is_big(value):
    """Whether no small hash could have replied this: by default one has at most 512 fields, and values of 64 bytes."""
    return len(value.data) > 1024 or any(len(item.data or b"") > 64 for item in value.data)


def pairs(value):
    texts = ["\n".join(wire.lines(item)).encode() for item in value.data]
    return {b"$" + key: item for key, item in zip(texts[::2], texts[1::2])}


# Known differences ----------------------------------------------------------------------------------------------------

def same_doubles(argv, tally, peer):
    """Alike but for doubles that are the same number, which the peer prints with 17 digits."""
    if is_list(tally) and is_list(peer):
        return tally.kind == peer.kind and len(tally.data) == len(peer.data) and all(
            same_doubles(argv, one, other) for one, other in zip(tally.data, peer.data))
    if tally.encode() == peer.encode():
        return True
    if tally.kind != peer.kind or tally.kind not in "$," or tally.data is None or peer.data is None:
        return False
    try:
        number = float(tally.data)
        return number == float(peer.data) and ("%.17g" % number).encode() == peer.data
    except ValueError:
        return False


def lex_of_unequal_scores(argv, tally, peer):
    """A range by name on a key to which the generator gives any score. Errors are specified whatever the scores are."""
    by_name = argv[0].upper() != b"ZRANGE" or b"BYLEX" in (word.upper() for word in argv)
    return by_name and argv[1] not in generate.LEX_KEYS and tally.kind != "-" and peer.kind != "-"


def error_text(value):
    return value.data if value.kind == "-" else b""


DOUBLES = {b"ZADD", b"ZSCORE", b"ZMSCORE", b"ZINCRBY", b"ZRANGE", b"ZREVRANGE", b"ZRANGEBYSCORE", b"ZREVRANGEBYSCORE", b"ZPOPMIN", b"ZPOPMAX",
           b"EVAL", b"EVALSHA", b"EVAL_RO", b"EVALSHA_RO"}

# The commands (None: any), a test of (argv, tally, peer), and the reason. The order is that of the test.
DIFFERENCES = [
    (DOUBLES, same_doubles,
     "7.0 prints a double with 17 digits (%.17g); Tally, as servers since 7.2, prints the shortest digits that read back"),
    ({b"ZLEXCOUNT", b"ZRANGEBYLEX", b"ZREVRANGEBYLEX", b"ZREMRANGEBYLEX", b"ZRANGE"}, lex_of_unequal_scores,
     "a range by name over members of unequal scores is unspecified"),
    ({b"ZRANK", b"ZREVRANK"}, lambda argv, tally, peer: len(argv) == 4 and b"wrong number of arguments" in error_text(peer),
     "ZRANK and ZREVRANK take WITHSCORE since 7.2"),
    ({b"CLIENT"}, lambda argv, tally, peer: len(argv) > 1 and argv[1].upper() in (b"SETINFO", b"NO-TOUCH") and peer.kind == "-",
     "CLIENT SETINFO and CLIENT NO-TOUCH exist since 7.2"),
]
