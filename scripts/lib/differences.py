"""Decides whether two replies to one command are the same, and lists where Tally means to differ.

`compare` answers SAME, a reason from DIFFERENCES, or None: a difference that nobody explained. What is normalised is no more
than must be: the order of what has none, the choice of what is random, and the milliseconds between two servers' clocks.
"""

import hashlib
import re

import generate
import wire

SAME = "same"
CLOCK_MS_MAX = 3000
# What those who ask for a save are told.
SAVES = {
    b"OK", b"Background saving started", b"Background saving scheduled", b"ERR Background save already in progress",
    b"Background append only file rewriting started", b"Background append only file rewriting scheduled", b"ERR Background append only file rewriting already in progress",
    b"ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.",
}
RANDOM = {b"RANDOMKEY", b"HRANDFIELD", b"ZRANDMEMBER", b"SRANDMEMBER", b"SPOP"}
SCRIPTS = {b"EVAL", b"EVALSHA", b"EVAL_RO", b"EVALSHA_RO", b"SCRIPT", b"FCALL", b"FCALL_RO", b"FUNCTION"}
BODIES = {hashlib.sha1(body).hexdigest().encode(): body for body in generate.SCRIPTS}
UNORDERED = {b"KEYS", b"SMEMBERS", b"SINTER", b"SUNION", b"SDIFF"}
# In order while the hash is small, in no order once it is a table: the peer's OBJECT ENCODING decides.
# One that was a table and is small again after DEBUG RELOAD keeps the order of the table.
LARGE_HASHES = {b"big"}
UNORDERED_IF_TABLE = {b"HGETALL", b"HKEYS", b"HVALS"}
GEO_SEARCHES = {b"GEOSEARCH", b"GEORADIUS", b"GEORADIUSBYMEMBER", b"GEORADIUS_RO", b"GEORADIUSBYMEMBER_RO"}
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
    if name == b"ZSCAN":
        in_order(tally), in_order(peer)
    if normal(name, argv, tally, peer, context):
        return SAME
    for names, test, reason in DIFFERENCES:
        if (names is None or name in names) and test(argv, tally, peer):
            return reason
    return None


def alike_but_times(one, other, is_time=False):
    """Whether replies about consumers are equal, but for instants and for times that have passed, by clocks that are not quite the same."""
    if one.kind != other.kind:
        return False
    if is_list(one) and is_list(other):
        # An entry of XPENDING is [id, consumer, milliseconds, deliveries]; XINFO CONSUMERS names them.
        times = [index == 2 and len(one.data) == 4 or index > 0 and one.data[index - 1].data == b"idle" for index in range(len(one.data))]
        return len(one.data) == len(other.data) and all(alike_but_times(*both) for both in zip(one.data, other.data, times))
    if one.kind == ":" and (is_time or min(int(one.data), int(other.data)) > 10**12):
        return abs(int(one.data) - int(other.data)) <= CLOCK_MS_MAX
    return one.data == other.data


def is_list(value):
    return isinstance(value.data, list)


def normal(name, argv, tally, peer, context):
    """Whether the replies are alike once order, chance and clocks are taken out."""
    if name in (b"SRANDMEMBER", b"SPOP") and is_list(tally) and is_list(peer) and is_all(argv):
        return tally.kind == peer.kind and bag(tally) == bag(peer)
    if name in RANDOM:
        return tally.kind == peer.kind and (tally.data is None) == (peer.data is None) and (
            not is_list(tally) or len(tally.data) == len(peer.data))
    if name in (b"TIME", b"INFO", b"LOLWUT") or name == b"COMMAND" and (len(argv) == 1 or argv[1].upper() in (b"INFO", b"DOCS", b"COUNT", b"LIST")):
        # The command table is compared field by field in the part `table`.
        return tally.kind == peer.kind
    if name in SCRIPTS and is_list(tally) and is_list(peer) and b"setresp(3)" in script_text(argv) and b"hgetall" in script_text(argv):
        # In RESP3 a script gets a map as a Lua table, which has no order.
        return tally.kind == peer.kind and bag(tally, True) == bag(peer, True)
    if name == b"MEMORY":
        return tally.kind == peer.kind and tally.kind != "-"  # What takes how much is each server's own.
    if name == b"FUNCTION" and len(argv) > 1 and argv[1].upper() == b"DUMP":
        return tally.kind == peer.kind  # In what order the libraries come, and how they are compressed, is each server's own.
    if name == b"FUNCTION" and len(argv) > 1 and argv[1].upper() == b"LIST":
        return canonical(tally) == canonical(peer)  # Libraries, and a library's functions, are in no order.
    if name == b"DUMP":
        return tally.kind == peer.kind and (tally.data is None) == (peer.data is None)  # The part `dumps` compares what payloads hold.
    if name in (b"SAVE", b"BGSAVE", b"BGREWRITEAOF") and len(argv) <= 2:
        return tally.data in SAVES and peer.data in SAVES  # Whether another is going on is a matter of chance.
    if name == b"LASTSAVE":
        return tally.kind == peer.kind == ":"
    if name == b"SLOWLOG" and len(argv) > 1 and argv[1].upper() in (b"GET", b"LEN"):
        return tally.kind == peer.kind  # What was slow is a matter of chance.
    if name in UNORDERED and is_list(tally) and is_list(peer):
        return tally.kind == peer.kind and bag(tally) == bag(peer)
    if name in UNORDERED_IF_TABLE and is_list(tally) and is_list(peer):
        return tally.kind == peer.kind and bag(tally, name == b"HGETALL") == bag(peer, name == b"HGETALL") \
            and (is_big(peer) or argv[1] in LARGE_HASHES or context.encoding(argv[1]) != b"listpack")
    if name in (b"SCAN", b"HSCAN", b"SSCAN", b"ZSCAN") and is_list(tally) and is_list(peer) and len(tally.data) == len(peer.data) == 2:
        return same_scan(name, argv, tally, peer)
    if name in (b"SORT", b"SORT_RO") and is_list(tally) and is_list(peer) and is_unsorted(argv) and argv[1] != generate.NO_SET:
        return len(tally.data) == len(peer.data) and (bag(tally) == bag(peer) or b"LIMIT" in (word.upper() for word in argv))
    if name in SECONDS | MILLISECONDS and tally.kind == peer.kind == ":":
        one, other = int(tally.data), int(peer.data)
        return one > 0 and other > 0 and abs(one - other) <= (1 if name in SECONDS else CLOCK_MS_MAX)
    if name in (b"XPENDING", b"XINFO"):
        return alike_but_times(tally, peer)
    if name == b"HELLO" and is_list(tally) and is_list(peer):
        one, other = pairs(tally), pairs(peer)
        return tally.kind == peer.kind and all(one.get(field) == other.get(field) for field in (b'$"proto"', b'$"mode"', b'$"role"'))
    if name == b"CONFIG" and is_list(tally) and is_list(peer):
        return tally.kind == peer.kind and bag(tally, True) == bag(peer, True)
    return False


def is_all(argv):
    """Whether a draw asks for more members than any set has here: then it leaves nothing to chance."""
    return len(argv) == 3 and argv[2].isdigit() and int(argv[2]) >= 10000


def is_unsorted(argv):
    """Whether a SORT leaves the elements in their own order, which a set does not have. Any key but one may hold a set."""
    return any(word.upper() == b"BY" and b"*" not in pattern.split(b"\0")[0] for word, pattern in zip(argv, argv[1:]))


def same_but_equally_far(argv, tally, peer):
    """Whether two nearest-first lists differ only among members whose distances are equal as far as they are printed. Without distances only the number is known."""
    words = [word.upper() for word in argv]
    if b"COUNT" not in words or b"ANY" in words or not is_list(tally) or not is_list(peer) or len(tally.data) != len(peer.data):
        return False
    if b"WITHDIST" not in words:
        return True
    return all(is_list(one) and is_list(other) and one.data[1].data == other.data[1].data for one, other in zip(tally.data, peer.data))


def same_scan(name, argv, tally, peer):
    """A scan that both servers finished in one call gives the same; of one that goes on only the shape can be compared."""
    cursor, other = tally.data[0], peer.data[0]
    start = argv[1] if name == b"SCAN" else argv[2]
    paired = name in (b"HSCAN", b"ZSCAN")
    if cursor.kind != "$" or not is_list(tally.data[1]) or not is_list(peer.data[1]):
        return False
    if start == b"0" and cursor.data == b"0" and other.data == b"0":
        return bag(tally.data[1], paired) == bag(peer.data[1], paired)
    return True


def script_text(argv):
    """The script that a command runs; nothing for a digest that the generator does not know."""
    if not argv[0].upper().startswith(b"EVALSHA"):
        return argv[1] if len(argv) > 1 else b""
    return BODIES.get(argv[1].lower(), b"")


def in_order(scan):
    """Puts the pairs that a ZSCAN replied in the order of their members."""
    if is_list(scan) and len(scan.data) == 2 and is_list(scan.data[1]):
        items = scan.data[1].data
        scan.data[1].data = [item for pair in sorted(zip(items[::2], items[1::2]), key=lambda pair: pair[0].data) for item in pair]


def canonical(value):
    """A value whose aggregates have their elements sorted."""
    return (value.kind, sorted(map(canonical, value.data), key=repr)) if is_list(value) else (value.kind, value.data)


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

def same_zeros(argv, tally, peer):
    """Alike but for a zero that the peer prints with its sign."""
    return alike(tally, peer, lambda one, other: one == b"0" and other == b"-0")


def same_doubles(argv, tally, peer):
    """Alike but for doubles that are the same number, which the peer prints with 17 digits, or as minus zero."""
    def same(one, other):
        try:
            number = float(one)
            return number == float(other) and other in (b"-0", ("%.17g" % number).encode())
        except ValueError:
            return False
    return alike(tally, peer, same)


def alike(tally, peer, same):
    """Alike but for bulks and doubles of which `same` says that they are."""
    if is_list(tally) and is_list(peer):
        return tally.kind == peer.kind and len(tally.data) == len(peer.data) and all(
            alike(one, other, same) for one, other in zip(tally.data, peer.data))
    if tally.encode() == peer.encode():
        return True
    if tally.kind != peer.kind or tally.kind not in "$," or tally.data is None or peer.data is None:
        return False
    return same(tally.data, peer.data)


def lex_of_unequal_scores(argv, tally, peer):
    """A range by name on a key to which the generator gives any score. Errors are specified whatever the scores are."""
    by_name = argv[0].upper() != b"ZRANGE" or b"BYLEX" in (word.upper() for word in argv)
    return by_name and argv[1] not in generate.LEX_KEYS and tally.kind != "-" and peer.kind != "-"


def counts_sets(argv, tally, peer):
    """An aggregate that 7.0 takes for a syntax error, also where a script calls it."""
    words = [word.upper() for word in argv]
    return (b"AGGREGATE", b"COUNT") in zip(words, words[1:]) and not {b"ZUNION", b"ZINTER"}.isdisjoint(words) and b"syntax error" in error_text(peer)


def error_text(value):
    return value.data if value.kind == "-" else b""


def is_help(argv, tally, peer):
    return len(argv) > 1 and argv[1].upper() == b"HELP" and is_list(tally) and is_list(peer)


def asks_for_os(argv, tally, peer):
    return b"nonexistent global variable 'os'" in error_text(peer)


COMPILING = re.compile(rb"ERR Error compiling (?:script \(new function\): user_script|function: user_function):[0-9]+: (.*)", re.DOTALL)
COLLISION = re.compile(rb"ERR (?:Function|Library) [A-Za-z0-9_]+ already exists")
LINE = re.compile(rb"user_(?:script|function):[0-9]+")


def same_but_parser(argv, tally, peer):
    """Both refuse to compile, for reasons that the two parsers put into different words."""
    return all(COMPILING.fullmatch(error_text(value)) for value in (tally, peer))


def same_but_line(argv, tally, peer):
    """The same error, at another line of a script that has several."""
    texts = [LINE.sub(b"user_x:", error_text(value)) for value in (tally, peer)]
    return len(argv) > 1 and b"\n" in script_text(argv) and texts[0] == texts[1] != b""


def same_sorted(argv, tally, peer):
    """The same elements, sorted by text or by what has texts as weights."""
    words = [word.upper() for word in argv]
    if b"ALPHA" not in words or not is_list(tally) or not is_list(peer):
        return False
    # LIMIT may then cut through elements that have no order among them.
    return b"LIMIT" in words and len(tally.data) == len(peer.data) or bag(tally) == bag(peer)


DOUBLES = {b"ZADD", b"ZSCORE", b"ZMSCORE", b"ZINCRBY", b"ZRANGE", b"ZREVRANGE", b"ZRANGEBYSCORE", b"ZREVRANGEBYSCORE", b"ZPOPMIN", b"ZPOPMAX",
           b"ZMPOP", b"BZPOPMIN", b"BZPOPMAX", b"BZMPOP", b"ZSCAN", b"ZUNION", b"ZINTER", b"ZDIFF", b"EVAL", b"EVALSHA", b"EVAL_RO", b"EVALSHA_RO"}

# The commands (None: any), a test of (argv, tally, peer), and the reason. The order is that of the test.
DIFFERENCES = [
    (DOUBLES, same_zeros,
     "a score of minus zero is zero in Tally; 7.0 keeps and prints the sign"),
    (DOUBLES, same_doubles,
     "7.0 prints a double with 17 digits (%.17g); Tally, as servers since 7.2, prints the shortest digits that read back"),
    ({b"ZLEXCOUNT", b"ZRANGEBYLEX", b"ZREVRANGEBYLEX", b"ZREMRANGEBYLEX", b"ZRANGE"}, lex_of_unequal_scores,
     "a range by name over members of unequal scores is unspecified"),
    ({b"ZRANK", b"ZREVRANK"}, lambda argv, tally, peer: len(argv) == 4 and b"wrong number of arguments" in error_text(peer),
     "ZRANK and ZREVRANK take WITHSCORE since 7.2"),
    ({b"ZUNION", b"ZINTER"} | SCRIPTS, counts_sets,
     "AGGREGATE COUNT exists since 8.8"),
    ({b"CLIENT"}, lambda argv, tally, peer: len(argv) > 1 and argv[1].upper() in (b"SETINFO", b"NO-TOUCH") and peer.kind == "-",
     "CLIENT SETINFO and CLIENT NO-TOUCH exist since 7.2"),
    ({b"DBSIZE"}, lambda argv, tally, peer: tally.kind == peer.kind == ":" and int(tally.data) < int(peer.data),
     "7.0 counts a key that was SET with a deadline in the past until it comes upon it; Tally never holds it"),
    ({b"MEMORY"}, lambda argv, tally, peer: argv[1:2] and argv[1].upper() == b"USAGE" and tally.kind in "$_" and tally.data in (None, b"") and peer.kind == ":",
     "7.0 tells what a key takes whose time has come, until it comes upon it otherwise"),
    ({b"OBJECT"}, lambda argv, tally, peer: argv[1].upper() == b"REFCOUNT" and tally.kind == peer.kind == ":",
     "Tally says of every small integer that it is shared (2147483647), the peer only of one that it has not copied"),
    (GEO_SEARCHES, same_but_equally_far,
     "a COUNT that cuts members at equal distances chooses any of them, in any order, in 7.0; Tally takes those found first"),
    ({b"SORT", b"SORT_RO"}, same_sorted,
     "elements of equal text (up to a NUL), or of equal weights that are texts, are in no order"),
    ({b"SORT", b"SORT_RO"}, lambda argv, tally, peer: error_text(peer).startswith(b"ERR One or more scores") and tally.kind != "-",
     "7.0 refuses to sort by numbers after a command that left an errno of a number out of range"),
    ({b"OBJECT"}, lambda argv, tally, peer: argv[1].upper() == b"ENCODING" and (tally.data, peer.data) == (b"listpack", b"skiplist"),
     "SORT makes a small sorted set a large one in 7.0; in Tally it changes nothing"),
    ({b"ACL", b"CLIENT", b"CLUSTER", b"COMMAND", b"CONFIG", b"DEBUG", b"MEMORY", b"OBJECT", b"SCRIPT", b"FUNCTION", b"SLOWLOG", b"XGROUP", b"XINFO"}, is_help,
     "HELP lists what Tally has, in its own words: the lines derive from the command table"),
    ({b"OBJECT"}, lambda argv, tally, peer: argv[1].upper() == b"ENCODING" and (tally.data, peer.data) == (b"listpack", b"hashtable"),
     "7.0 has no packed form for sets that are not integers only; Tally packs small ones, as servers since 7.2 do, to save memory"),
    ({b"OBJECT"}, lambda argv, tally, peer: argv[1].upper() == b"ENCODING" and (tally.data, peer.data) == (b"intset", b"hashtable"),
     "SDIFFSTORE of large sets leaves a large one in 7.0, whatever is left; in Tally a stored result has the form of its members"),
    ({b"FUNCTION"}, lambda argv, tally, peer: all(COLLISION.fullmatch(error_text(value)) for value in (tally, peer)),
     "of several functions or libraries whose names are taken 7.0 tells of any"),
    (SCRIPTS, asks_for_os,
     "scripts may call os.clock, as in newer servers; 7.0 has no os at all"),
    (SCRIPTS, same_but_parser,
     "LuaJIT's parser words some syntax errors differently, or finds another one first"),
    (SCRIPTS, same_but_line,
     "LuaJIT numbers a call that spans several lines by another of its lines"),
]

# Byte sequences of tables.RAW that mean to differ.
RAW_DIFFERENCES = {
    b"*1048577\r\n": "a request has at most 1,048,576 arguments, as before 7.0; 7.0 admits 2^31 and waits for them",
}

# Subcommands of the peer that Tally does not have. Each answers `unknown subcommand`.
MISSING_SUBCOMMANDS = {
    "acl": "one user, by requirepass: the subcommands that change, list or test users are not built",
    "cluster": "there are no clusters: what changes one is unknown rather than refused",
    "client": "CLIENT PAUSE, UNPAUSE and CACHING are not built: there is no failover and no tracking",
    "script": "SCRIPT DEBUG is not built: there is no debugger",
}
