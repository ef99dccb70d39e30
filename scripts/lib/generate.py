"""Random command sequences, one generator per family, over a few keys and arguments that have broken servers before.

A generator yields *sequences*: lists of commands that belong together on one connection (a transaction, a SELECT there and
back). Most have one command. Nothing here depends on replies, so a batch can be sent in one write; and no deadline lies
between now and a minute from now, so it does not matter that two servers run a command at slightly different times.
"""

import hashlib
import random

import payloads

FAMILIES = ("strings", "counters", "keys", "hashes", "lists", "sets", "zsets", "geo", "streams", "sort", "scripts", "functions", "transactions", "connection", "bad", "saving")
WEIGHTS = (12, 10, 14, 14, 18, 16, 26, 10, 20, 7, 9, 5, 7, 3, 5, 2)

KEYS = [b"a", b"b", b"c", b"d", b"", b"k\x00\r\n\xff", b"{t}1", b"{t}2"]
LEX_KEYS = [b"l1", b"l2", b"l3", b"biglex"]
VALUES = [
    b"", b"0", b"1", b"-1", b"10", b"007", b" 1", b"1 ", b"+1", b"-0", b"abc", b"ABC", b"hello world", b"\x00\xff\r\n", b"3.0",
    b"3.5", b"1e3", b"5.0e3", b"0x10", b"inf", b"nan", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808",
    b"18446744073709551616", b"1" * 44, b"1" * 45, b"x" * 300, b"ohmytext", b"mynewtext", b"\xc3\xa9",
]
INTEGERS = [
    b"0", b"1", b"-1", b"2", b"3", b"-2", b"5", b"10", b"100", b"-100", b"2147483647", b"-2147483649", b"4294967296",
    b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"-9223372036854775809", b"1.0", b"1e1", b"", b" 1",
    b"1 ", b"+1", b"01", b"-0", b"abc", b"\x001", b"99999999999999999999999",
]
SMALL = [b"0", b"1", b"-1", b"2", b"-2", b"3", b"-3", b"4", b"5", b"-5", b"7", b"100", b"-100"]
FLOATS = [
    b"0", b"1", b"-1", b"0.5", b"-0.25", b"2.5", b"3.0", b"10.125", b"1e3", b"1.5E2", b"-0", b"-0.0", b"+5", b".5", b"5.", b"0x1p3", b"0x10",
    b"inf", b"-inf", b"+inf", b"Infinity", b"-INFINITY", b"nan", b"NaN", b"1e400", b"1e-400", b"", b" 1", b"1 ", b"abc", b"1,5", b"1e", b"--1",
    b"9007199254740992", b"9007199254740993", b"4611686018427387904", b"9223372036854775807", b"1e17", b"1e20", b"1e21", b"123456789012345678", b"1700000000123456768",
]
SCORES = [b"0", b"1", b"2", b"3", b"1", b"2", b"1", b"-1", b"0.5", b"2.5", b"-0", b"10", b"100", b"1e3", b"inf", b"-inf", b"1700000000123456768"]
MEMBERS = [b"a", b"b", b"c", b"d", b"e", b"aa", b"ab", b"", b"A", b"\x00", b"\xff\xfe", b"m\r\n", b"10", b"9", b"x" * 70]
GEO_KEYS = [b"g1", b"g2", b"biggeo", b"biggeo"]
CITIES = [(13.361389, 38.115556), (15.087269, 37.502669), (-0.12, 51.5), (179.99, -16.5), (-179.99, -16.8), (24.9, 70.1), (10, 82.5), (-70, -81), (-77.03, -12.04), (0, 0)]
DEGREES = [b"0", b"-0", b"1", b"180", b"-180", b"85.05112878", b"-85.05112878", b"85.05112879", b"180.0000001", b"90", b"-90", b"66", b"80.0000001", b"1e1", b"0x10"]
UNITS = [b"m", b"km", b"ft", b"mi", b"KM", b"M"]
PLACE_SCORES = [b"0", b"1.5", b"-1", b"inf", b"-inf", b"1e19", b"9223372036854775808", b"4503599627370496", b"3377699720527872", b"13510798882111488", b"3479099956230698", b"4503599627370495"]
NO_SET = b"s2"
STREAM_KEYS = [b"x1", b"x2", b"x1", b"x2", b"x3", b"bigx"]
STREAM_GROUPS = [b"g", b"g", b"h", b"G"]
CONSUMERS = [b"c", b"d", b"c", b"d", b"", b"\x00e"]
STREAM_IDS = [b"%d-%d" % (ms, seq) for ms in (1, 2, 3, 4, 5, 7) for seq in (0, 1, 2, 3)] + [b"%d" % ms for ms in range(9)] + [
    b"0-0", b"0", b"0-1", b"007-1", b" 5", b"+5-+1", b"5-", b"-5", b"5--1", b"-", b"+", b"x", b"", b"5-x", b"18446744073709551615-18446744073709551615", b"18446744073709551615",
    b"18446744073709551616", b"5-18446744073709551615", b"1-1-1", b"5-1\x00", b"9" * 130, b"*", b"$", b">", b"5-*"]
SORT_PATTERNS = [b"w_*", b"w_*", b"h_*->f", b"h_*->g", b"*", b"w_*->f", b"h_*", b"*->", b"#", b"nosort", b"", b"w_*\x00x", b"\x00*"]
SET_INTEGERS = [b"0", b"1", b"2", b"3", b"4", b"5", b"-1", b"-7", b"10", b"100", b"32767", b"32768", b"-32769", b"2147483648", b"-2147483649",
                b"9223372036854775807", b"-9223372036854775808"]
BIG_SETS = [b"bigset", b"bigints"]
BIG_ZSETS = [b"big", b"big", b"bigset", b"bigints"]
FIELDS = [b"f", b"g", b"h", b"F", b"", b"1", b"10", b"\x00\xff", b"name", b"field with space"]
PATTERNS = [b"*", b"a", b"[ab]", b"[^a]", b"?", b"??", b"{t}*", b"[a-c]", b"\\*", b"*t*1", b"", b"[", b"[a", b"[]", b"\\", b"[z-a]", b"[^]", b"f*", b"*a*"]
TTLS = [b"100", b"200", b"1000", b"100000", b"100", b"0", b"-1", b"-100", b"9223372036854775807", b"9223372036854775", b"-9223372036854775808", b"abc", b"1.5", b"", b"9999999999"]
DEADLINES = [b"4102444800", b"4102444900", b"1", b"0", b"-1", b"1000000000", b"9223372036854775807", b"9223372036854775", b"x", b"99999999999"]
MS_TTLS = [b"100000", b"200000", b"1000000", b"0", b"-1", b"-100000", b"9223372036854775807", b"-9223372036854775808", b"abc", b"1.5"]
MS_DEADLINES = [b"4102444800000", b"4102444900500", b"1", b"0", b"-1", b"1000000000000", b"9223372036854775807", b"x"]


class Generator:
    """Seeded; `sequence()` is the next sequence with the name of its family."""

    def __init__(self, seed, families=FAMILIES):
        self.random = random.Random(seed)
        self.families = [family for family in FAMILIES if family in families]
        self.weights = [WEIGHTS[FAMILIES.index(family)] for family in self.families]
        # Redis' DEBUG RELOAD may load what a BGSAVE that ends meanwhile has saved: so it is one of the two in a run.
        self.savings = SAVING + (RELOADS if self.random.random() < 0.5 else BGSAVES)

    def sequence(self):
        family = self.random.choices(self.families, self.weights)[0]
        return family, [self.recase(argv) for argv in getattr(self, family)()]

    # Choices ------------------------------------------------------------------------------------------------------

    def pick(self, values):
        return values[int(self.random.random() * len(values))]

    def chance(self, share):
        return self.random.random() < share

    def key(self):
        # The first keys are taken most, so that they hold something of every type in turn.
        return KEYS[min(int(self.random.expovariate(0.7)), len(KEYS) - 1)]

    def some_keys(self, most=4):
        return [self.key() for _ in range(self.random.randint(1, most))]

    def some(self, *options):
        """Each option (a word, or a list of words) with a small chance; in any order, sometimes one twice."""
        chosen = [option for option in options if self.chance(0.3)]
        if chosen and self.chance(0.03):
            chosen.append(self.pick(chosen))
        self.random.shuffle(chosen)
        return [word for option in chosen for word in (option if isinstance(option, list) else [option])]

    def recase(self, argv):
        roll = self.random.random()
        if roll < 0.03:
            return [bytes(c - 32 if 97 <= c <= 122 and self.chance(0.5) else c for c in argv[0].lower())] + argv[1:]
        return argv if roll < 0.6 else [argv[0].lower()] + argv[1:]

    def fill(self, form):
        """A command from its form: words, of which those in braces are drawn."""
        out = []
        for word in form.split(" "):
            if word.startswith("{"):
                drawn = getattr(self, "w_" + word[1:-1])()
                out += drawn if isinstance(drawn, list) else [drawn]
            else:
                out.append(word.encode())
        return out

    def from_table(self, table):
        return [self.fill(self.pick(table))]

    # Words of forms ---------------------------------------------------------------------------------------------

    w_key = key
    w_keys = some_keys

    def w_val(self):
        return self.pick(VALUES)

    def w_fsync(self):
        return self.pick([b"always", b"everysec", b"no", b"x"])

    def w_int(self):
        return self.pick(INTEGERS)

    def w_small(self):
        return self.pick(SMALL) if self.chance(0.93) else self.pick(INTEGERS)

    def w_float(self):
        return self.pick(FLOATS)

    def w_pairs(self):
        out = [word for _ in range(self.random.randint(1, 4)) for word in (self.key(), self.w_val())]
        return out[:-1] if self.chance(0.05) else out

    def w_fv(self):
        out = [word for _ in range(self.random.randint(1, 4)) for word in (self.pick(FIELDS), self.w_hval())]
        return out[:-1] if self.chance(0.05) else out

    def w_hval(self):
        # Short, so that a hash other than `big` stays small: its order is then specified, also inside scripts.
        return self.pick([value for value in VALUES if len(value) <= 64])

    def w_field(self):
        return self.pick(FIELDS)

    def w_fields(self):
        return [self.pick(FIELDS) for _ in range(self.random.randint(1, 4))]

    def w_member(self):
        return self.pick(MEMBERS)

    def w_members(self):
        return [self.pick(MEMBERS) for _ in range(self.random.randint(1, 4))]

    def w_elem(self):
        return self.pick(MEMBERS) if self.chance(0.5) else self.pick(INTEGERS) if self.chance(0.4) else self.w_val()

    def w_elems(self):
        return [self.w_elem() for _ in range(self.random.randint(1, 6))]

    def w_where(self):
        return self.pick([b"LEFT", b"RIGHT", b"left", b"Right"]) if self.chance(0.97) else self.w_val()

    def w_pivot(self):
        return self.pick([b"BEFORE", b"AFTER", b"after"]) if self.chance(0.97) else self.w_val()

    def w_patience(self):
        # Never for ever, and never for long: the other server waits as well.
        return self.pick([b"0.001", b"0.001", b"0.001", b"1e-3", b"0x.001", b"-1", b"x", b"", b"inf", b"-inf", b"nan", b"1e400", b" 1", b"1 ", b"-0.5"])

    def w_lposopts(self):
        return self.some([b"RANK", self.w_small()], [b"COUNT", self.w_small()], [b"MAXLEN", self.w_small()])

    def w_lmpopopts(self):
        return self.some([b"COUNT", self.w_small()])

    def w_snum(self):
        """What a number may be that is sorted by."""
        return self.pick([b"1", b"2", b"3", b"-1", b"10", b"2.5", b"1e2", b"0x10", b"inf", b"-inf", b"", b" 1", b"01", b"1.0"])

    def w_snums(self):
        return [self.w_snum() if self.chance(0.98) else self.w_elem() for _ in range(self.random.randint(1, 8))]

    def w_skey(self):
        return self.pick([b"s1", b"s2", b"s3", self.key()])

    def w_sgets(self):
        return [word for _ in range(self.random.randint(0, 2)) for word in (b"GET", self.pick(SORT_PATTERNS))]

    def w_sby(self):
        return [b"BY", self.pick(SORT_PATTERNS)] if self.chance(0.6) else []

    def w_stail(self):
        """Options for all but BY ALPHA STORE together, by which elements of equal weight would be stored in any order."""
        return self.w_sgets() + self.some([b"LIMIT", self.w_small(), self.w_small()], b"DESC", b"ASC", [b"STORE", self.pick([b"s1", b"s3", self.key()])])

    def w_smember(self):
        # Mostly integers for some keys' sake: a set of integers has a form of its own.
        roll = self.random.random()
        return self.pick(SET_INTEGERS) if roll < 0.55 else self.pick(MEMBERS) if roll < 0.9 else self.pick(INTEGERS)

    def w_smembers(self):
        if self.chance(0.5):
            return [self.pick(SET_INTEGERS) for _ in range(self.random.randint(1, 6))]
        return [self.w_smember() for _ in range(self.random.randint(1, 6))]

    def w_skeys(self):
        return [self.pick(BIG_SETS) if self.chance(0.1) else self.key() for _ in range(self.random.randint(1, 4))]

    def w_cardopts(self):
        return self.some([b"LIMIT", self.w_small()], b"LIMIT" if self.chance(0.05) else [b"LIMIT", b"1"])

    def w_score(self):
        return self.pick(SCORES) if self.chance(0.92) else self.pick(FLOATS)

    def w_sm(self):
        out = [word for _ in range(self.random.randint(1, 5)) for word in (self.w_score(), self.w_member())]
        return out[:-1] if self.chance(0.03) else out

    def w_lexkey(self):
        # Ranges by name are specified for equal scores only, so these keys get no other.
        return self.pick(LEX_KEYS) if self.chance(0.9) else self.pick([b"missing", b"text"])

    def w_zeros(self):
        return [word for _ in range(self.random.randint(1, 6)) for word in (b"0", self.w_member())]

    def w_offset(self):
        return self.pick([b"0", b"1", b"2", b"5", b"-1", b"100", b"x", b"536870912", b"4294967296"]
                         if self.chance(0.1) else [b"0", b"1", b"2", b"5", b"20"])

    def w_ttl(self):
        return self.pick(TTLS)

    def w_at(self):
        return self.pick(DEADLINES)

    def w_ttlif(self):
        # Under GT or LT a time to live that equals another would be compared by the millisecond at which each server got it.
        condition = self.w_nxxx()
        return [b"%d" % self.random.randint(100, 10**8) if condition else self.w_ttl()] + condition

    def w_pttlif(self):
        condition = self.w_nxxx()
        return [b"%d" % self.random.randint(10**5, 10**11) if condition else self.w_pttl()] + condition

    def w_pttl(self):
        return self.pick(MS_TTLS)

    def w_pat(self):
        return self.pick(MS_DEADLINES)

    def w_glob(self):
        return self.pick(PATTERNS)

    def w_nxxx(self):
        return self.some(b"NX", b"XX", b"GT", b"LT") if self.chance(0.6) else []

    def w_setopts(self):
        return self.some(b"NX", b"XX", b"GET", b"KEEPTTL", [b"EX", self.w_ttl()], [b"PX", self.w_pttl()],
                         [b"EXAT", self.w_at()], [b"PXAT", self.w_pat()]) if self.chance(0.7) else self.some(b"FOO", b"EX", b"get")

    def w_getexopts(self):
        return self.some(b"PERSIST", [b"EX", self.w_ttl()], [b"PX", self.w_pttl()], [b"EXAT", self.w_at()], [b"PXAT", self.w_pat()], b"FOO")

    def w_lcsopts(self):
        return self.some(b"LEN", b"IDX", [b"MINMATCHLEN", self.w_small()], b"WITHMATCHLEN")

    def w_zaddopts(self):
        return self.some(b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR") if self.chance(0.6) else []

    def w_bound(self):
        roll = self.random.random()
        if roll < 0.3:
            return self.pick([b"-inf", b"+inf", b"inf", b"-INF", b"(inf", b"(-inf"])
        score = self.w_score() if roll < 0.95 else self.w_float()
        return b"(" + score if self.chance(0.4) else score

    def w_lex(self):
        roll = self.random.random()
        if roll < 0.35:
            return self.pick([b"-", b"+"])
        if roll < 0.4:
            return self.pick([b"a", b"", b"-inf", b"--", b"+a"])
        return self.pick([b"[", b"("]) + self.w_member()

    def w_limit(self):
        return [b"LIMIT", self.w_small(), self.w_small()] if self.chance(0.4) else []

    def w_ws(self):
        return self.some(b"WITHSCORES") + ([b"FOO"] if self.chance(0.02) else [])

    def w_zrangeopts(self):
        return self.some(b"REV", b"WITHSCORES", [b"LIMIT", self.w_small(), self.w_small()])

    def w_rangeby(self):
        roll = self.random.random()
        if roll < 0.35:
            return [self.w_small(), self.w_small()]
        if roll < 0.95:
            return [self.w_bound(), self.w_bound(), b"BYSCORE"]
        return [self.w_small(), self.w_small(), b"BYSCORE", b"BYLEX"]

    def w_zstoreopts(self):
        return self.some(b"REV", [b"LIMIT", self.w_small(), self.w_small()])

    def w_counted(self):
        """A number of keys and the keys; sometimes the number is another."""
        keys = self.some_keys(3)
        return [b"%d" % len(keys) if self.chance(0.93) else self.w_small()] + keys

    def w_zsources(self):
        """A number of sets and sorted sets, some of them large, and the keys; sometimes the number is another."""
        keys = [self.pick(BIG_ZSETS) if self.chance(0.15) else self.key() for _ in range(self.random.choice([1, 2, 2, 2, 3, 4]))]
        return [b"%d" % len(keys) if self.chance(0.95) else self.pick(SMALL + INTEGERS)] + keys

    def w_zjoin(self, aggregates=(b"SUM", b"MIN", b"MAX", b"sum")):
        """The same with options for how scores are put together."""
        sources = self.w_zsources()
        weights = [self.w_score() if self.chance(0.7) else self.w_small() for _ in sources[1:]]
        if self.chance(0.04):
            weights = weights[1:] if self.chance(0.5) else weights + [b"1"]
        aggregate = self.pick(aggregates) if self.chance(0.96) else self.w_val()
        return sources + self.some([b"WEIGHTS"] + weights, [b"AGGREGATE", aggregate], b"WITHSCORES" if self.chance(0.05) else [b"AGGREGATE", aggregate])

    def w_zgiven(self):
        """The same for what is given rather than stored; only here AGGREGATE COUNT, which 7.0 does not have, leaves nothing behind."""
        return self.w_zjoin((b"SUM", b"MIN", b"MAX", b"max", b"COUNT")) + ([b"WITHSCORES"] if self.chance(0.7) else [])

    def w_end(self):
        return self.pick([b"MIN", b"MAX", b"min"]) if self.chance(0.97) else self.w_val()

    def w_zmpopopts(self):
        return self.some([b"COUNT", self.w_small()])

    def w_geokey(self):
        return self.pick(GEO_KEYS) if self.chance(0.85) else self.key()

    def w_gmember(self):
        return self.pick(MEMBERS) if self.chance(0.8) else b"m%03d" % self.random.randrange(300)

    def w_gmembers(self):
        return [self.w_gmember() for _ in range(self.random.randint(0, 5))]

    def w_place(self):
        roll = self.random.random()
        if roll < 0.07:
            return [self.pick(DEGREES), self.pick(DEGREES)]
        if roll < 0.09:
            return [self.w_float(), self.w_float()]
        if roll < 0.2:
            return [b"%.6f" % self.random.uniform(-180, 180), b"%.6f" % self.random.uniform(-85.06, 85.06)]
        near = 10 ** self.random.uniform(-6, 1)
        longitude, latitude = self.pick(CITIES)
        return [b"%.8f" % (longitude + self.random.gauss(0, near)), b"%.8f" % (latitude + self.random.gauss(0, near))]

    def w_places(self):
        out = [word for _ in range(self.random.randint(1, 5)) for word in self.w_place() + [self.w_gmember()]]
        return out[:-1] if self.chance(0.03) else out

    def w_geoaddopts(self):
        return self.some(b"NX", b"CH") if self.chance(0.6) else self.some(b"XX", b"CH") if self.chance(0.95) else self.some(b"NX", b"XX", b"GT")

    def w_unit(self):
        return self.pick(UNITS) if self.chance(0.98) else self.w_val()

    def w_metres(self):
        if self.chance(0.03):
            return self.pick(FLOATS + [b"0", b"0", b"1e300", b"inf"])
        return b"%.3f" % (10 ** self.random.uniform(-2, 7.6))

    def w_reach(self):
        """A length and its unit, mostly of a size that finds something."""
        if self.chance(0.03):
            return [self.w_metres(), self.w_unit()]
        unit = self.pick(UNITS)
        metres = {b"m": 1, b"km": 1000, b"ft": 0.3048, b"mi": 1609.34}[unit.lower()]
        return [b"%.5f" % (10 ** self.random.uniform(1, 7.6) / metres), unit]

    def w_centre(self):
        return [b"FROMMEMBER", self.w_gmember()] if self.chance(0.4) else [b"FROMLONLAT"] + self.w_place()

    def w_extent(self):
        length, unit = self.w_reach()
        return [b"BYRADIUS", length, unit] if self.chance(0.5) else [b"BYBOX", length, self.w_metres() if self.chance(0.2) else self.w_reach()[0], unit]

    def w_geocount(self):
        count = self.pick([b"1", b"2", b"3", b"10", b"100"]) if self.chance(0.97) else self.w_small()
        return [b"COUNT", count] + ([b"ANY"] if self.chance(0.5) else [])

    def w_geoopts(self):
        # Where a count chooses among members, distances show that it chose well.
        count = self.w_geocount() if self.chance(0.4) else []
        distances = [b"WITHDIST"] if len(count) == 2 and self.chance(0.9) else []
        return count + distances + self.some(self.pick([b"ASC", b"DESC"]), b"WITHCOORD", b"WITHDIST", b"WITHHASH", *([b"ANY"] if self.chance(0.02) else []))

    def w_geostorecount(self):
        """A count that leaves no choice between members at equal distances: any that come first, or all."""
        return [b"COUNT", b"100000"] if self.chance(0.2) else [b"COUNT", self.pick([b"1", b"2", b"5", b"20"]), b"ANY"]

    def w_geostoreopts(self):
        return self.some(self.pick([b"ASC", b"DESC"]), self.w_geostorecount(), b"STOREDIST", *([b"WITHDIST", b"STORE"] if self.chance(0.05) else []))

    def w_radiusopts(self):
        if self.chance(0.7):
            return self.w_geoopts()
        return self.some(self.pick([b"ASC", b"DESC"]), self.w_geostorecount(), [self.pick([b"STORE", b"STOREDIST"]), self.w_geokey()], [self.pick([b"STORE", b"STOREDIST"]), self.w_geokey()], *([b"WITHDIST", b"STORE"] if self.chance(0.05) else []))

    def w_placescore(self):
        return self.pick(PLACE_SCORES)

    def w_search(self):
        """Where and how far, in any order, and seldom one of them twice or not at all."""
        parts = [self.w_centre(), self.w_extent()]
        if self.chance(0.02):
            parts.append(self.pick([self.w_centre, self.w_extent])())
        if self.chance(0.02):
            parts.pop(0)
        self.random.shuffle(parts)
        return [word for part in parts for word in part]

    def w_xkey(self):
        return self.pick(STREAM_KEYS) if self.chance(0.95) else self.key()

    def w_xgroup(self):
        return self.pick(STREAM_GROUPS)

    def w_consumer(self):
        return self.pick(CONSUMERS)

    def w_xid(self):
        if self.chance(0.6):
            return b"%d-%d" % (self.random.randrange(1, 60), self.random.randrange(8))
        return self.pick(STREAM_IDS)

    def w_xnew(self):
        roll = self.random.random()
        if roll < 0.9:
            # Mostly behind those that are there: ids of a stream ascend.
            return b"%d-%s" % (self.random.randrange(1, 400) if roll < 0.1 else int(40 * self.random.random() ** 0.2) + 20, self.pick([b"*", b"*", b"*", b"1", b"7"]))
        return self.pick(STREAM_IDS)

    def w_xids(self):
        return [self.w_xid() for _ in range(self.random.randint(1, 4))]

    def w_xend(self):
        roll = self.random.random()
        return b"-" if roll < 0.2 else b"+" if roll < 0.4 else (b"(" if roll < 0.5 else b"") + self.w_xid()

    def w_xfv(self):
        fields = [b"f", b"g", b"temperature", b"1", b""]
        return [word for _ in range(self.random.randint(1, 3)) for word in (self.pick(fields), self.pick(VALUES))]

    def w_xcount(self):
        return [b"COUNT", self.pick(SMALL)] if self.chance(0.5) else []

    def w_xtrim(self):
        name = self.pick([b"MAXLEN", b"MINID", b"maxlen"])
        sign = self.pick([[], [], [b"="], [b"~"], [b"~"]])
        threshold = self.w_xid() if name == b"MINID" else self.pick([b"0", b"1", b"5", b"20", b"150", b"-1", b"x", b"3"])
        limit = [b"LIMIT", self.pick([b"0", b"1", b"100", b"150", b"-1", b"x"])] if self.chance(0.15) else []
        return [name] + sign + [threshold] + limit

    def w_xaddopts(self):
        return self.some([b"NOMKSTREAM"], self.w_xtrim()) if self.chance(0.35) else []

    def w_xreadopts(self):
        return self.some([b"COUNT", self.pick(SMALL)], [b"COUNT", b"2"])

    def w_xstreams(self):
        keys = [self.w_xkey() for _ in range(self.random.randint(1, 2))]
        return keys + [self.w_xid() for _ in keys]

    def w_xnews(self):
        keys = [self.w_xkey() for _ in range(self.random.randint(1, 2))]
        return keys + [b">" if self.chance(0.7) else self.w_xid() for _ in keys]

    def w_xreads(self):
        return self.pick([[], [], [b"ENTRIESREAD", self.pick([b"-1", b"0", b"3", b"100", b"-2", b"x"])]])

    def w_xclaimopts(self):
        return self.some([b"IDLE", self.pick([b"0", b"100000", b"-1", b"x"])], [b"TIME", self.pick([b"0", b"1000", b"4102444800000", b"x"])],
                         [b"RETRYCOUNT", self.pick([b"0", b"5", b"-1", b"x"])], [b"FORCE"], [b"FORCE"], [b"JUSTID"], [b"LASTID", self.w_xid()], [b"NOSUCH"])

    def w_xidle(self):
        return self.pick([b"0", b"0", b"0", b"3600000", b"-1", b"x"])

    def w_xsetopts(self):
        return self.some([b"ENTRIESADDED", self.pick([b"0", b"5", b"500", b"-1", b"x"])], [b"MAXDELETEDID", self.w_xid()])

    def w_xautoopts(self):
        return self.some([b"COUNT", self.pick([b"1", b"2", b"10", b"0", b"-1", b"x"])], [b"JUSTID"])

    def w_db(self):
        return self.pick([b"0", b"1", b"2", b"15", b"16", b"-1", b"x", b"0"])

    def w_copyopts(self):
        return self.some(b"REPLACE", [b"DB", self.w_db()], b"FOO" if self.chance(0.1) else b"REPLACE")

    def w_restored(self):
        """A time to live and a payload, seldom wrong ones, with options. No key expires soon."""
        payload = self.pick(payloads.RIGHT if self.chance(0.85) else payloads.WRONG)
        options = self.some(b"REPLACE", [b"IDLETIME", b"0"] if self.chance(0.5) else [b"FREQ", self.pick([b"5", b"255", b"256", b"-1", b"x"])], b"FOO" if self.chance(0.05) else b"REPLACE")
        if self.chance(0.3):
            return [self.pick(MS_DEADLINES), payload, b"ABSTTL"] + options
        return [self.pick(MS_TTLS) if self.chance(0.4) else b"0", payload] + options

    def w_count(self):
        return [self.pick([b"0", b"1", b"2", b"3", b"10", b"-1", b"x", b"9223372036854775807"])] if self.chance(0.5) else []

    def w_hcount(self):
        # Nothing between -100 and the ends of the range: a large negative count asks for that many elements.
        return self.pick([b"0", b"1", b"-1", b"2", b"-2", b"5", b"100", b"-100", b"x", b"9223372036854775807", b"-9223372036854775808"])

    def w_scanopts(self):
        return self.some([b"MATCH", self.w_glob()], [b"COUNT", self.pick([b"1000", b"1000", b"0", b"-1", b"x"])])

    def w_type(self):
        return [b"TYPE", self.pick([b"string", b"hash", b"list", b"set", b"zset", b"ZSET", b"nothing"])] if self.chance(0.3) else []

    # Families ---------------------------------------------------------------------------------------------------

    def strings(self):
        return self.from_table(STRINGS)

    def counters(self):
        return self.from_table(COUNTERS)

    def keys(self):
        return self.from_table(KEYSPACE)

    def hashes(self):
        if self.chance(0.01):
            size = self.random.choice([120, 140, 600])
            return [[b"HSET", b"big"] + [word for i in range(size) for word in (b"f%d" % i, b"v%d" % i)], [b"HGETALL", b"big"], [b"HLEN", b"big"]]
        return self.from_table(HASHES)

    def lists(self):
        if self.chance(0.01):
            # Several chunks; some elements have one of their own.
            size = self.random.choice([100, 600, 3000])
            elements = [b"%d" % self.random.randrange(50) if self.chance(0.5) else b"e" * self.random.choice([1, 5, 60, 70, 300, 5000 if self.chance(0.02) else 10]) for _ in range(size)]
            return [[self.pick([b"RPUSH", b"LPUSH"]), b"biglist"] + elements, [b"LLEN", b"biglist"]]
        argv = self.fill(self.pick(LISTS))
        if self.chance(0.15) and len(argv) > 1:
            argv[1] = b"biglist"
        return [argv]

    def sort(self):
        roll = self.random.random()
        if roll < 0.35:
            return self.from_table(SORT_DATA)
        if roll < 0.8:
            # 7.0 takes an errno that an earlier command left for its own; ZADD clears it.
            return [[b"ZADD", b"errno", b"1", b"a"], self.fill(self.pick(SORTS))]
        return self.from_table(SORTS_BY_TEXT)

    def sets(self):
        if self.chance(0.01):
            size = self.random.choice([120, 140, 500, 600, 2000])
            key = self.pick(BIG_SETS)
            prefix = b"" if key == b"bigints" else b"m"
            members = [b"%s%d" % (prefix, self.random.randrange(3000)) for _ in range(size)]
            return [[b"SADD", key] + members, [b"SCARD", key], [b"SMEMBERS", key]]
        if self.chance(0.06):
            # What is left after a draw is random, so the key goes.
            key = self.key()
            count = [] if self.chance(0.4) else [self.w_hcount()]
            return [[b"SPOP", key] + count, [b"SCARD", key], [b"DEL", key]]
        argv = self.fill(self.pick(SETS))
        if self.chance(0.1) and len(argv) > 1:
            argv[1] = self.pick(BIG_SETS)
        return [argv]

    def zsets(self):
        if self.chance(0.01):
            # Long runs of equal scores, so that a run spans several nodes of a tree.
            size = self.random.choice([120, 140, 500, 2000])
            run = self.random.choice([1, 3, size])
            return [[b"ZADD", b"biglex" if run == 1 else b"big"] + [word for i in range(size) for word in (b"%d" % (i % run), b"m%05d" % self.random.randrange(9999))]]
        if self.chance(0.005):
            # By itself only: 7.0 counts the arguments before it queues a command or runs one for a script.
            return [[self.pick([b"ZRANK", b"ZREVRANK"]), self.key(), self.w_member(), b"WITHSCORE"]]
        if self.chance(0.004):
            # Members of the large sorted set and others, as a plain set.
            return [[b"SADD", b"bigset"] + [b"m%05d" % self.random.randrange(9999) for _ in range(self.random.choice([20, 200, 1000]))],
                    [b"SADD", b"bigints"] + [b"%d" % self.random.randrange(99) for _ in range(60)]]
        argv = self.fill(self.pick(ZSETS))
        if self.chance(0.15) and len(argv) > 1 and argv[1] not in LEX_KEYS and argv[0] not in (b"ZREMRANGEBYLEX", b"SADD") + COUNTED:
            argv[1] = b"big"
        return [argv]

    def geo(self):
        if self.chance(0.03):
            longitude, latitude = self.pick(CITIES)
            near = 10 ** self.random.uniform(-4, 1.7)
            names = self.pick([15, 300, 3000])
            places = []
            for _ in range(self.random.choice([5, 20, 50, 120, 140, 500, 2000])):
                east, north = longitude + self.random.gauss(0, near), latitude + self.random.gauss(0, near)
                if abs(east) <= 180 and abs(north) <= 85:
                    name = MEMBERS[self.random.randrange(names)] if names <= len(MEMBERS) else b"m%03d" % self.random.randrange(names)
                    places += [b"%.8f" % east, b"%.8f" % north, name]
            return [[b"GEOADD", self.pick(GEO_KEYS)] + places]
        return self.from_table(GEO)

    def streams(self):
        if self.chance(0.02):
            # Several blocks: the default is a hundred entries, or 4 KiB.
            size = self.random.choice([90, 101, 250, 1200])
            wide = self.random.choice([1, 1, 300])
            start = self.random.randrange(1, 40)
            return [[b"DEL", b"bigx"]] + [
                [b"XADD", b"bigx", b"%d-%d" % (start + i // 7, 1 + i % 7), self.pick([b"f", b"f", b"f", b"g"]), b"v" * self.random.randrange(wide + 1)] for i in range(size)]
        if self.chance(0.03):
            key, group = self.w_xkey(), self.w_xgroup()
            return [[b"XGROUP", b"CREATE", key, group, self.pick([b"0", b"$", b"3"]), b"MKSTREAM"], [b"XREADGROUP", b"GROUP", group, b"c", b"COUNT", self.pick([b"1", b"3", b"90"]), b"STREAMS", key, b">"]]
        if self.chance(0.01):
            return [[b"DEL", self.w_xkey()]]
        argv = self.fill(self.pick(STREAMS))
        if argv[0] == b"XADD" and any(word == b"*" for word in argv):
            return [[b"XLEN", argv[1]]]  # An id by the clock is each server's own.
        return [argv]

    def single(self):
        """One command of a data family."""
        return self.fill(self.pick(self.pick([STRINGS, COUNTERS, HASHES, LISTS, SETS, ZSETS, ZSETS, GEO, KEYSPACE, SORTS_BY_TEXT])))

    def scripts(self):
        roll = self.random.random()
        if roll < 0.4:
            command = self.single()
            call = self.pick([b"call", b"pcall"])
            body = b"return redis." + call + b"(unpack(ARGV))" if self.chance(0.7) else b"local r = redis." + call + b"(unpack(ARGV)) return {r, type(r), #ARGV}"
            eval_name = b"EVAL_RO" if self.chance(0.1) else b"EVAL"
            return [[eval_name, body, b"0"] + command]
        if roll < 0.8:
            body = self.pick(SCRIPTS)
            keys = self.some_keys(2)
            count = b"%d" % len(keys) if self.chance(0.95) else self.pick([b"-1", b"x", b"5", b""])
            arguments = [self.w_val() for _ in range(self.random.randint(0, 3))]
            if self.chance(0.4):
                sha = hashlib.sha1(body).hexdigest().encode()
                sha = sha.upper() if self.chance(0.2) else sha
                load = [[b"SCRIPT", b"LOAD", body]] if self.chance(0.7) else []
                return load + [[self.pick([b"EVALSHA", b"EVALSHA", b"EVALSHA_RO"]), sha, count] + keys + arguments]
            return [[b"EVAL", body, count] + keys + arguments]
        sha = hashlib.sha1(self.pick(SCRIPTS)).hexdigest().encode()
        return [self.pick([
            [b"SCRIPT", b"EXISTS", sha], [b"SCRIPT", b"EXISTS", sha, b"x" * 40, b"short"], [b"SCRIPT", b"FLUSH"], [b"SCRIPT", b"FLUSH", b"SYNC"],
            [b"SCRIPT", b"FLUSH", b"ASYNC"], [b"SCRIPT", b"FLUSH", b"NOW"], [b"SCRIPT", b"KILL"], [b"SCRIPT", b"LOAD"], [b"SCRIPT", b"LOAD", b"return ("],
            [b"SCRIPT"], [b"SCRIPT", b"FOO"], [b"SCRIPT", b"EXISTS"], [b"EVALSHA", b"nothing", b"0"], [b"EVAL", b"return", b"0"], [b"EVAL", b""],
        ])]

    def functions(self):
        roll = self.random.random()
        name = self.pick([b"f1", b"f2", b"F1", b"f3"])
        keys = self.some_keys(2)
        count = b"%d" % len(keys) if self.chance(0.95) else self.pick([b"-1", b"x", b"5", b""])
        call = [self.pick([b"FCALL", b"FCALL", b"FCALL", b"FCALL_RO"]), name, count] + keys + [self.w_val() for _ in range(self.random.randint(0, 3))]
        replace = [b"REPLACE"] if self.chance(0.8) else []
        if roll < 0.4:
            body = self.pick(FUNCTIONS)
            library = self.pick([b"l1", b"l2", b"L1"])
            flags = self.pick([b"", b"", b"'no-writes'", b"'allow-oom', 'no-cluster'"])
            code = b"#!lua name=%s\nredis.register_function{function_name='%s', flags={%s}, callback=function(KEYS, ARGV)\n%s\nend}" % (library, name, flags, body)
            return [[b"FUNCTION", b"LOAD"] + replace + [code], call]
        if roll < 0.6:
            return [call]
        if roll < 0.75:
            return [[b"FUNCTION", b"LOAD"] + replace + [self.pick(LIBRARIES)]]
        payload = payloads.functions([self.pick(LIBRARIES) for _ in range(self.random.randint(0, 2))])
        if self.chance(0.1):
            payload = payload[: self.random.randint(0, len(payload))]
        policy = [] if self.chance(0.3) else [self.pick([b"APPEND", b"REPLACE", b"FLUSH", b"flush", b"NOW"])]
        return [self.pick([
            [b"FUNCTION", b"RESTORE", payload] + policy, [b"FUNCTION", b"RESTORE", payload] + policy, [b"FUNCTION", b"RESTORE", payload] + policy,
            [b"FUNCTION", b"LIST"], [b"FUNCTION", b"LIST", b"WITHCODE"], [b"FUNCTION", b"LIST", b"LIBRARYNAME", self.pick([b"l1", b"L*", b"?2", b""])],
            [b"FUNCTION", b"LIST", b"LIBRARYNAME"], [b"FUNCTION", b"LIST", b"x"], [b"FUNCTION", b"STATS"], [b"FUNCTION", b"DUMP"],
            [b"FUNCTION", b"DELETE", self.pick([b"l1", b"l2", b"L1"])], [b"FUNCTION", b"FLUSH"], [b"FUNCTION", b"FLUSH", b"SYNC"],
            [b"FUNCTION", b"FLUSH", b"NOW"], [b"FUNCTION", b"KILL"], [b"FUNCTION"], [b"FUNCTION", b"FOO"], [b"FUNCTION", b"LOAD"],
            [b"FUNCTION", b"LOAD", b"x", b"y"], [b"FUNCTION", b"HELP"], [b"FCALL", b"f1"], [b"FCALL", b"nothing", b"0"],
        ])]

    def transactions(self):
        roll = self.random.random()
        if roll < 0.15:
            return [self.pick([[b"EXEC"], [b"DISCARD"], [b"UNWATCH"], [b"WATCH"], [b"MULTI", b"x"], [b"EXEC", b"x"]])]
        out = []
        if self.chance(0.4):
            out.append([b"WATCH"] + self.some_keys(2))
            if self.chance(0.5):
                out.append(self.single())
            if self.chance(0.2):
                out.append([b"UNWATCH"])
        out.append([b"MULTI"])
        for _ in range(self.random.randint(0, 5)):
            out.append(self.single() if self.chance(0.9) else self.pick([
                [b"NOSUCH", b"x"], [b"GET"], [b"MULTI"], [b"WATCH", b"a"], [b"EVAL", b"return redis.call('incr', KEYS[1])", b"1", self.key()],
                [b"EVAL", b"return {1,{2,false},'x'}", b"0"], [b"SELECT", b"1"], [b"SELECT", b"0"], [b"PING"], [b"UNWATCH"], [b"RESET"],
            ]))
        out.append([b"DISCARD"] if self.chance(0.12) else [b"EXEC"])
        # Whatever happened: no open transaction, database 0.
        return out + [[b"DISCARD"], [b"SELECT", b"0"]]

    def connection(self):
        roll = self.random.random()
        if roll < 0.3:
            other = self.pick([b"1", b"2", b"9"])
            return [[b"SELECT", other], self.single(), [b"DBSIZE"], [b"SELECT", b"0"]]
        return [self.fill(self.pick(CONNECTION))]

    def saving(self):
        """What goes to the disk and comes back: nobody may see any of it in the keys."""
        return [self.fill(self.pick(self.savings))]

    def bad(self):
        """Wrong arity, wrong words, wrong bytes."""
        argv = self.single() if self.chance(0.8) else self.fill(self.pick(CONNECTION))
        roll = self.random.random()
        if roll < 0.3:
            argv = argv[:self.random.randint(1, len(argv))]
        elif roll < 0.5:
            argv = argv + [self.w_val() for _ in range(self.random.randint(1, 3))]
        elif roll < 0.7:
            argv[self.random.randrange(len(argv))] = self.pick(VALUES + INTEGERS)
        elif roll < 0.8:
            argv = [self.pick(VALUES[5:])] + argv[1:]
        elif roll < 0.9:
            del argv[self.random.randrange(len(argv))]
        else:
            self.random.shuffle(argv)
        if not argv or argv[0].upper() in UNSAFE or argv[0].upper() in EXPIRING and any(is_soon(word) for word in argv[1:]):
            return [[b"GET"]]
        if argv[0].upper() == b"ZREMRANGEBYLEX" and argv[1:2] and argv[1] in KEYS + [b"big"]:
            return [[b"GET"]]  # Unspecified on unequal scores, and it would part the two servers for good.
        if argv[0].upper().startswith(b"GEO") and any(b"STORE" in word.upper() for word in argv) and any(word.upper() == b"COUNT" for word in argv):
            return [[b"GET"]]  # It may have lost its ANY, see w_geostorecount().
        if argv[0].upper() == b"SORT" and any(word.upper() == b"STORE" for word in argv):
            return [[b"GET"]]  # It may have become one by numbers, see sort(), or one that stores what has no order.
        if argv[0].upper() == b"XADD" and b"*" in argv:
            return [[b"GET"]]  # An id by the clock is each server's own.
        if argv[0].upper() == b"ZADD" and any(word in LEX_KEYS for word in argv):
            return [[b"GET"]]  # A score that went astray would do the same.
        return [argv]


EXPIRING = {b"EXPIRE", b"PEXPIRE", b"SETEX", b"PSETEX", b"SET", b"GETEX", b"RESTORE"}


def is_soon(word):
    """Whether a word could be a time to live that ends while the commands run."""
    return word.strip(b" +").isdigit() and 0 < int(word) < 60000


# Commands that a wrong argument could turn into one that stops, blocks, reconfigures or floods.
UNSAFE = {b"SHUTDOWN", b"DEBUG", b"MONITOR", b"SUBSCRIBE", b"PSUBSCRIBE", b"QUIT", b"SYNC", b"PSYNC", b"WATCH", b"MULTI", b"SELECT", b"HELLO", b"RESET", b"CLIENT", b"AUTH",
          b"CONFIG", b"HRANDFIELD", b"ZRANDMEMBER", b"SRANDMEMBER", b"SPOP",
          b"XREAD", b"XREADGROUP", b"BLPOP", b"BRPOP", b"BLMPOP", b"BLMOVE", b"BRPOPLPUSH", b"BZPOPMIN", b"BZPOPMAX", b"BZMPOP"}

STREAMS = """XADD {xkey} {xaddopts} {xnew} {xfv}|XADD {xkey} {xaddopts} {xnew} {xfv}|XADD {xkey} {xaddopts} {xnew} {xfv}|XADD {xkey} {xnew} {xfv}|XADD {xkey} {xnew} f v
XADD bigx {xnew} f {val}|XADD bigx {xaddopts} {xnew} f {val}|XLEN {xkey}|XRANGE {xkey} {xend} {xend} {xcount}|XRANGE {xkey} - + {xcount}|XRANGE {xkey} {xend} + {xcount}|XREVRANGE {xkey} {xend} {xend} {xcount}
XREVRANGE {xkey} + - {xcount}|XRANGE bigx {xend} {xend} {xcount}|XDEL {xkey} {xids}|XDEL {xkey} {xids}|XDEL bigx {xids}|XTRIM {xkey} {xtrim}|XTRIM bigx {xtrim}|XSETID {xkey} {xid} {xsetopts}|XSETID {xkey} 70-1 {xsetopts}
XREAD {xreadopts} STREAMS {xstreams}|XREAD {xreadopts} STREAMS {xstreams}|XREAD STREAMS {xkey} $|XREAD STREAMS {xkey}|XREAD COUNT 2 NOACK STREAMS {xkey} 0|XREAD BLOCK x STREAMS {xkey} 0|XREAD BLOCK -1 STREAMS {xkey} 0
XINFO STREAM {xkey}|XINFO STREAM {xkey}|XINFO GROUPS {xkey}|XINFO GROUPS {xkey}|XINFO CONSUMERS {xkey} {xgroup}|XINFO STREAM {xkey} FULL|XINFO STREAM {xkey} FULL COUNT {small}|XINFO STREAM {xkey} NOSUCH|XINFO HELP
XGROUP CREATE {xkey} {xgroup} {xid} {xreads}|XGROUP CREATE {xkey} {xgroup} $ MKSTREAM {xreads}|XGROUP SETID {xkey} {xgroup} {xid} {xreads}|XGROUP DESTROY {xkey} {xgroup}|XGROUP CREATECONSUMER {xkey} {xgroup} {consumer}
XGROUP DELCONSUMER {xkey} {xgroup} {consumer}|XGROUP HELP|XGROUP CREATE {xkey} {xgroup}|XGROUP SETID {xkey} {xgroup} 5 ENTRIESREAD|XGROUP NOSUCH {xkey} {xgroup}
XREADGROUP GROUP {xgroup} {consumer} {xreadopts} STREAMS {xnews}|XREADGROUP GROUP {xgroup} {consumer} {xreadopts} STREAMS {xkey} >|XREADGROUP GROUP {xgroup} {consumer} {xreadopts} STREAMS {xkey} >
XREADGROUP GROUP {xgroup} {consumer} COUNT 3 STREAMS {xkey} >|XREADGROUP GROUP {xgroup} {consumer} NOACK {xreadopts} STREAMS {xkey} >|XREADGROUP COUNT 1 GROUP {xgroup} {consumer} STREAMS {xkey} {xid}|XREADGROUP GROUP {xgroup} {consumer} STREAMS {xkey} $
XACK {xkey} {xgroup} {xids}|XACK {xkey} {xgroup} {xids}|XPENDING {xkey} {xgroup}|XPENDING {xkey} {xgroup}|XPENDING {xkey} {xgroup} {xend} {xend} {small}|XPENDING {xkey} {xgroup} - + 10 {consumer}|XPENDING {xkey} {xgroup} IDLE {xidle} - + 5 {consumer}
XPENDING {xkey} {xgroup} IDLE 0 -|XPENDING {xkey} {xgroup} - + 5|XCLAIM {xkey} {xgroup} {consumer} {xidle} {xids} {xclaimopts}|XCLAIM {xkey} {xgroup} {consumer} 0 {xids} {xclaimopts}|XCLAIM {xkey} {xgroup} {consumer} 0 {xids} FORCE
XAUTOCLAIM {xkey} {xgroup} {consumer} {xidle} {xend} {xautoopts}|XAUTOCLAIM {xkey} {xgroup} {consumer} 0 - {xautoopts}|XAUTOCLAIM {xkey} {xgroup} {consumer} 0 0 COUNT 2
TYPE {xkey}|OBJECT ENCODING {xkey}|COPY {xkey} {xkey} REPLACE|RENAME {xkey} {xkey}|GET {xkey}|LPUSH {xkey} a|SORT {xkey}|DUMP {xkey}|EXISTS {xkey}|SET {xkey} v|DEL {xkey}|HSET {xkey} f v|SCAN 0 COUNT 100000 TYPE stream""".replace("\n", "|").split("|")

STRINGS = """SET {key} {val} {setopts}|SET {key} {val} {setopts}|SET {key} {val}|GET {key}|GET {key}|GETEX {key} {getexopts}|GETDEL {key}|GETSET {key} {val}
SETNX {key} {val}|SETEX {key} {ttl} {val}|PSETEX {key} {pttl} {val}|MGET {keys}|MSET {pairs}|MSETNX {pairs}|APPEND {key} {val}|STRLEN {key}
GETRANGE {key} {small} {small}|SUBSTR {key} {small} {small}|GETRANGE {key} {int} {int}|SETRANGE {key} {offset} {val}|LCS {key} {key} {lcsopts}|LCS {key} {key}""".replace("\n", "|").split("|")

COUNTERS = """INCR {key}|INCR {key}|DECR {key}|INCRBY {key} {int}|DECRBY {key} {int}|INCRBY {key} {small}|SET {key} {int}|GET {key}
INCRBYFLOAT {key} {float}|INCRBYFLOAT {key} {small}|SET {key} {float}|HINCRBY {key} {field} {int}|HINCRBYFLOAT {key} {field} {float}""".replace("\n", "|").split("|")

KEYSPACE = """DEL {keys}|DEL {key}|UNLINK {keys}|EXISTS {keys}|TYPE {key}|TOUCH {keys}|EXPIRE {key} {ttlif}|PEXPIRE {key} {pttlif}|EXPIREAT {key} {at} {nxxx}
PEXPIREAT {key} {pat} {nxxx}|TTL {key}|PTTL {key}|EXPIRETIME {key}|PEXPIRETIME {key}|PERSIST {key}|RENAME {key} {key}|RENAMENX {key} {key}|COPY {key} {key} {copyopts}
MOVE {key} {db}|KEYS {glob}|SCAN 0 {scanopts} {type}|SCAN {small}|DBSIZE|OBJECT ENCODING {key}|OBJECT REFCOUNT {key}|OBJECT FREQ {key}|MEMORY USAGE {key}|MEMORY USAGE {key} SAMPLES {small}|MEMORY USAGE {key} {val} {small}|OBJECT HELP|OBJECT FOO {key}|DUMP {key}|RESTORE {key} {restored}|RESTORE {key} {restored}|RESTORE {key} {restored}
SET {key} {val}|SET text {val}|HSET {key} {fv}|SADD {key} {smembers}|ZADD {key} {sm}|SET {key} {val} EX 100|RANDOMKEY""".replace("\n", "|").split("|") + [
    "SWAPDB {db} {db}", "EXPIRE {key} 100", "PEXPIRE {key} 100500", "EXPIREAT {key} 4102444800", "EXPIREAT {key} 4102444800 {nxxx}", "PEXPIREAT {key} 4102444900500 {nxxx}"]

HASHES = """HSET {key} {fv}|HSET {key} {fv}|HMSET {key} {fv}|HSETNX {key} {field} {hval}|HSET big {field} {val}|HGET big {field}|HGET {key} {field}|HMGET {key} {fields}|HGETALL {key}|HDEL {key} {fields}|HEXISTS {key} {field}
HKEYS {key}|HVALS {key}|HLEN {key}|HSTRLEN {key} {field}|HINCRBY {key} {field} {int}|HINCRBY {key} {field} {small}|HINCRBYFLOAT {key} {field} {float}|HINCRBYFLOAT {key} {field} {small}
HRANDFIELD {key}|HRANDFIELD {key} {hcount}|HRANDFIELD {key} {hcount} WITHVALUES|HSCAN {key} 0 {scanopts}|DEL {key}|OBJECT ENCODING {key}""".replace("\n", "|").split("|")

LISTS = """BLPOP {keys} {patience}|BRPOP {keys} {patience}|BLMPOP {patience} {counted} {where} {lmpopopts}|BLMOVE {key} {key} {where} {where} {patience}|BRPOPLPUSH {key} {key} {patience}
LPUSH {key} {elems}|RPUSH {key} {elems}|RPUSH {key} {elems}|LPUSH {key} {elem}|LPUSHX {key} {elems}|RPUSHX {key} {elem}|LPOP {key}|RPOP {key}|LPOP {key} {count}|RPOP {key} {count}|LLEN {key}|LINDEX {key} {small}|LINDEX {key} {int}
LRANGE {key} 0 -1|LRANGE {key} {small} {small}|LRANGE {key} {int} {int}|LSET {key} {small} {elem}|LSET {key} {int} {elem}|LINSERT {key} {pivot} {elem} {elem}|LINSERT {key} {pivot} {elem} {elem}|LREM {key} {small} {elem}|LREM {key} {int} {elem}
LTRIM {key} {small} {small}|LTRIM {key} 0 {int}|LPOS {key} {elem} {lposopts}|LPOS {key} {elem} {lposopts}|LMOVE {key} {key} {where} {where}|LMOVE {key} biglist {where} {where}|RPOPLPUSH {key} {key}|LMPOP {counted} {where} {lmpopopts}|DEL {key}|OBJECT ENCODING {key}|TYPE {key}
LTRIM biglist {small} -20|LREM biglist 3 {small}|LINSERT biglist BEFORE {small} {elem}|LSET biglist {small} {elem}|LRANGE biglist {small} 30|LPOS biglist {small} {lposopts}|COPY biglist {key} REPLACE""".replace("\n", "|").split("|")

SORT_DATA = """RPUSH s1 {snums}|RPUSH s2 {elems}|RPUSH {skey} {snums}|ZADD {key} {sm}|ZADD s3 1 1 2 3 3 2|RPUSH s3 {members}|SADD s1 {snums}|SADD s3 {smembers}|DEL {skey}|DEL {skey}|SET w_aa {snum}|SET w_1 {snum}|SET w_2 {snum}|SET w_3 {member}|SET w_10 {snum}
HSET h_1 f {snum} g {member}|HSET h_2 f {snum}|HSET h_a f {member} g {member}|SET w_a {member}|SET w_b {snum}|DEL w_1|DEL h_1|HDEL h_a f|SET 1 {snum}|LRANGE {skey} 0 -1""".replace("\n", "|").split("|")

SORTS = """SORT {skey}|SORT {skey} {sby} {stail}|SORT {skey} {sby} {stail}|SORT {skey} {sby}|SORT {skey} {stail}|SORT_RO {skey} {sby} {sgets}|SORT_RO {skey} {stail}|SORT {skey} {stail} FOO|SORT {skey} LIMIT {int} {int}""".replace("\n", "|").split("|")

SORTS_BY_TEXT = """SORT {skey} ALPHA|SORT {skey} ALPHA {stail}|SORT {skey} {sby} ALPHA {sgets}|SORT {skey} BY nosort {stail}|SORT_RO {skey} ALPHA DESC|SORT {skey} ALPHA STORE {skey}|SORT {skey} BY nosort GET #""".replace("\n", "|").split("|")

SETS = """SADD {key} {smembers}|SADD {key} {smembers}|SADD {key} {smember}|SREM {key} {smembers}|SISMEMBER {key} {smember}|SMISMEMBER {key} {smembers}|SCARD {key}|SMEMBERS {key}|SMEMBERS {key}
SMOVE {key} {key} {smember}|SMOVE {key} {key} {smember}|SRANDMEMBER {key}|SRANDMEMBER {key} {hcount}|SSCAN {key} 0 {scanopts}|SSCAN {key} {small} {scanopts}|SINTER {skeys}|SUNION {skeys}|SDIFF {skeys}
SINTERSTORE {key} {skeys}|SUNIONSTORE {key} {skeys}|SDIFFSTORE {key} {skeys}|SINTERCARD {counted} {cardopts}|SINTERCARD {counted}|DEL {key}|OBJECT ENCODING {key}|SPOP {key} 9223372036854775807""".replace("\n", "|").split("|")

ZSETS = """BZPOPMIN {keys} {patience}|BZPOPMAX {keys} {patience}|BZMPOP {patience} {counted} {end} {zmpopopts}
ZADD {key} {zaddopts} {sm}|ZADD {key} {zaddopts} {score} {member}|ZADD {key} {sm}|ZADD {key} {sm}|ZINCRBY {key} {score} {member}|ZINCRBY {key} {float} {member}|ZREM {key} {members}|ZCARD {key}
ZSCORE {key} {member}|ZMSCORE {key} {members}|ZRANK {key} {member}|ZREVRANK {key} {member}|ZCOUNT {key} {bound} {bound}|ZLEXCOUNT {lexkey} {lex} {lex}|ZRANGE {key} {rangeby} {zrangeopts}
ZRANGE {key} {small} {small} {ws}|ZRANGE {key} 0 -1 WITHSCORES|ZREVRANGE {key} {small} {small} {ws}|ZRANGEBYSCORE {key} {bound} {bound} {ws} {limit}|ZREVRANGEBYSCORE {key} {bound} {bound} {ws} {limit}
ZRANGEBYLEX {lexkey} {lex} {lex} {limit}|ZREVRANGEBYLEX {lexkey} {lex} {lex} {limit}|ZREMRANGEBYRANK {key} {small} {small}|ZREMRANGEBYSCORE {key} {bound} {bound}|ZREMRANGEBYLEX {lexkey} {lex} {lex}
ZADD {lexkey} {zeros}|ZADD {lexkey} {zeros}|ZRANGE {lexkey} {lex} {lex} BYLEX {zrangeopts}|ZREM {lexkey} {members}|ZRANGE {lexkey} {small} {small}|ZPOPMIN {key} {count}|ZPOPMAX {key} {count}|ZRANGE {key} {rangeby} {zrangeopts}|DEL {key}|OBJECT ENCODING {key}
ZRANGESTORE {key} {key} {rangeby} {zstoreopts}|ZRANGESTORE l3 {lexkey} {lex} {lex} BYLEX {zstoreopts}|ZRANGESTORE {key} {key} {rangeby} {zrangeopts}|ZMPOP {counted} {end} {zmpopopts}
ZRANDMEMBER {key}|ZRANDMEMBER {key} {hcount}|ZRANDMEMBER {key} {hcount} WITHSCORES|ZSCAN {key} 0 {scanopts}
ZUNION {zgiven}|ZUNION {zgiven}|ZINTER {zgiven}|ZINTER {zgiven}|ZDIFF {zsources} {ws}|ZDIFF {zsources} {ws}|ZINTERCARD {zsources} {cardopts}|ZUNIONSTORE {key} {zjoin}|ZUNIONSTORE {key} {zjoin}|ZINTERSTORE {key} {zjoin}
ZINTERSTORE {key} {zjoin}|ZDIFFSTORE {key} {zsources}|ZDIFFSTORE {key} {zsources} {ws}|SADD {key} {smembers}|SADD {key} {members}""".replace("\n", "|").split("|")

# Commands of sorted sets whose second word is a number of keys.
COUNTED = (b"ZMPOP", b"ZUNION", b"ZINTER", b"ZDIFF", b"ZINTERCARD")

GEO = """GEOADD {geokey} {geoaddopts} {places}|GEOADD {geokey} {places}|GEOADD {geokey} {places}|GEOADD {geokey} {places}|GEOPOS {geokey} {gmembers}|GEOHASH {geokey} {gmembers}|GEODIST {geokey} {gmember} {gmember}|GEODIST {geokey} {gmember} {gmember} {unit}
GEOSEARCH {geokey} {search} {geoopts}|GEOSEARCH {geokey} {search} {geoopts}|GEOSEARCH {geokey} {search} {geoopts}|GEOSEARCH {geokey} {search}|GEOSEARCH {geokey} {geoopts} {search}|GEOSEARCH biggeo {search}|GEOSEARCH biggeo {search} {geoopts}|DEL g1|GEOSEARCHSTORE {geokey} {geokey} {search} {geostoreopts}|GEOSEARCH {geokey} {search} {geocount}
GEORADIUS {geokey} {place} {reach} {radiusopts}|GEORADIUS {geokey} {place} {reach} {geoopts}|GEORADIUSBYMEMBER {geokey} {gmember} {reach} {radiusopts}|GEORADIUS_RO {geokey} {place} {reach} {geoopts}|GEORADIUSBYMEMBER_RO {geokey} {gmember} {reach} {geoopts}
ZADD {geokey} {placescore} {gmember}|ZREM {geokey} {gmembers}|ZRANGE {geokey} 0 -1|ZCARD {geokey}|OBJECT ENCODING {geokey}|ZSCORE {geokey} {gmember}|TYPE {geokey}""".replace("\n", "|").split("|")

CONNECTION = """PING|PING {val}|PING {val} {val}|ECHO {val}|ECHO|SELECT {db}|SELECT 0|AUTH|AUTH x|AUTH default x|AUTH a b c|HELLO 4|HELLO x|HELLO 3 AUTH|HELLO 2 SETNAME
CLIENT GETNAME|CLIENT SETNAME name|CLIENT SETNAME {val}|CLIENT|CLIENT FOO|CLIENT REPLY FOO|CLIENT NO-EVICT on|CLIENT NO-EVICT x|CLIENT ID x|CLIENT GETREDIR|CLIENT TRACKINGINFO|CLIENT UNBLOCK 9999999|CLIENT UNBLOCK 9999999 TIMEOUT|CLIENT UNBLOCK x|CLIENT UNBLOCK 1 FOO|CLIENT KILL 1.2.3.4:5
CONFIG GET maxmemory|CONFIG GET nosuch|CONFIG GET hash-max-*|CONFIG SET nosuch 1|CONFIG SET maxmemory abc|CONFIG GET maxmemory maxmemory-policy|CONFIG|CONFIG FOO|CONFIG GET|CONFIG SET maxmemory|CONFIG GET databases
COMMAND COUNT x|COMMAND FOO|COMMAND GETKEYS|COMMAND GETKEYS GET|COMMAND GETKEYS NOSUCH a|COMMAND INFO nosuch|OBJECT|OBJECT ENCODING|MEMORY|MEMORY HELP|MEMORY USAGE|MEMORY FOO|MEMORY STATS|MEMORY STATS x|MEMORY DOCTOR|MEMORY PURGE|NOSUCH|NOSUCH {val} {val}|TIME x|DBSIZE x|FLUSHDB x|FLUSHALL x y|SWAPDB {db} {db}
COMMAND GETKEYSANDFLAGS SET a b GET|COMMAND GETKEYSANDFLAGS SET a b|COMMAND GETKEYSANDFLAGS GET|COMMAND LIST FILTERBY PATTERN nosuch*|COMMAND LIST FILTERBY|CLUSTER INFO|CLUSTER KEYSLOT {key}|CLUSTER FOO|READONLY|READWRITE|ASKING
ROLE|ACL WHOAMI|ACL CAT nosuch|ACL FOO|SLOWLOG LEN x|SLOWLOG GET x|SLOWLOG FOO|CLIENT HELP|CONFIG HELP|COMMAND HELP|SCRIPT HELP|CLIENT TRACKING off|CLIENT TRACKING x|CLIENT SETINFO lib-name x|CLIENT NO-TOUCH on|INFO nosuch|RESET""".replace("\n", "|").split("|")

SAVING = """SAVE|BGREWRITEAOF|LASTSAVE|CONFIG SET appendonly yes|CONFIG SET appendonly no|CONFIG GET appendonly|CONFIG SET appendonly x|CONFIG SET appendfsync {fsync}|CONFIG GET appendfsync
SAVE x|BGSAVE x|BGSAVE SCHEDULE x|BGREWRITEAOF x|LASTSAVE x|SHUTDOWN ABORT|SHUTDOWN SAVE ABORT|SHUTDOWN x|DEBUG RELOAD x""".replace("\n", "|").split("|")
RELOADS, BGSAVES = ["DEBUG RELOAD"] * 4, ["BGSAVE", "BGSAVE", "BGSAVE SCHEDULE"]

SCRIPTS = [line.encode() for line in r"""
return 1
return 3.99
return -3.99
return 1e20
return 'text'
return ''
return true
return false
return nil
return {}
return {1, 2, 3.7, 'x', true, false, nil, 9}
return {1, {2, {3, {}}}, false}
return {ok='FINE'}
return {err='MY error'}
return {err='bare'}
return {double=1.5}
return {map={a=1}}
return redis.error_reply('ERR custom')
return redis.error_reply('custom')
return redis.status_reply('STATUS')
return redis.error_reply()
return KEYS
return ARGV
return {#KEYS, #ARGV, KEYS[1], ARGV[1]}
return tostring(10/2) .. ' ' .. tostring(1/3) .. ' ' .. 2^53
return {tostring(nil), tostring(true), type(redis), type(KEYS)}
return unpack({1, 2})
return redis.call('set', KEYS[1], 10/2) and redis.call('get', KEYS[1])
return redis.call('set', KEYS[1], 2^53) and redis.call('get', KEYS[1])
return redis.call('set', KEYS[1], 1/2) and redis.call('get', KEYS[1])
redis.call('set', KEYS[1], 'x') return redis.call('incr', KEYS[1])
redis.call('set', KEYS[1], 'x') return redis.pcall('incr', KEYS[1])
local r = redis.pcall('incr', KEYS[1]) if type(r) == 'table' then return {r.err, r.ok} end return r
return redis.call('get', KEYS[1])
return {redis.call('get', KEYS[1])}
return type(redis.pcall('get', KEYS[1]))
return redis.call('hgetall', KEYS[1])
return redis.call('zrange', KEYS[1], 0, -1, 'withscores')
redis.setresp(3) return redis.call('zrange', KEYS[1], 0, -1, 'withscores')
redis.setresp(3) return redis.call('hgetall', KEYS[1])
redis.setresp(3) return redis.call('get', KEYS[1])
redis.setresp(3) local r = redis.call('zscore', KEYS[1], 'a') if type(r) == 'table' then return {type(r), tostring(r.double)} end return type(r)
redis.setresp(4)
return redis.call()
return redis.call('nosuch')
return redis.call('get')
return redis.call('get', {})
return redis.call('get', true)
return redis.call('multi')
return redis.call('eval', 'return 1', 0)
return redis.pcall('nosuch')
error('thrown')
error({err='ERR table thrown'})
error({err='NOCODE'})
return error()
return nosuch
nosuch = 1
return #ARGV + '1'
local function f() return f() end return 1
return string.format('%d %s %.3f', 3, 'x', 1/3)
return {string.find('hello', 'l+'), string.gsub('hello', 'l', 'L')}
return {math.floor(-1.5), math.max(1, 2), math.huge > 1 and 1 or 0}
return table.concat({1, 2, 'x'}, ',')
local t = {3, 1, 2} table.sort(t) return t
return redis.sha1hex('')
return redis.sha1hex()
return cjson.encode({1, 2, 'x'})
return cjson.encode({})
return cjson.decode('[1,2,{"a":null}]')
return cjson.decode('{')
return bit.band(12, 10)
return bit.tohex(255)
return cmsgpack.pack({1, 2, 'x'})
return cmsgpack.unpack(cmsgpack.pack({1, 2, 'x', false}))
return struct.pack('>I2', 258)
return {struct.unpack('>I2', '\1\2')}
return redis.call('pexpire', KEYS[1], 100000)
return redis.call('del', unpack(KEYS))
redis.call('zadd', KEYS[1], 1, 'a', 2, 'b') return redis.call('zrevrange', KEYS[1], 0, -1, 'WITHSCORES')
return redis.log(redis.LOG_DEBUG, 'x')
return redis.log(99, 'x')
return {redis.REPL_ALL, redis.LOG_NOTICE, redis.replicate_commands()}
return pcall(function() return redis.call('nosuch') end)
return select('#', pcall(error))
return loadstring('return 7')()
return tonumber('0x10') + tonumber('1e1')
return ('x'):rep(3)
return #!
return redis.acl_check_cmd('get', 'a')
return print
return os.time
return type(os.clock())
""".strip().split("\n")] + [
    b"#!lua\nreturn 1", b"#!lua flags=no-writes\nreturn redis.call('set', KEYS[1], 1)", b"#!lua flags=no-writes\nreturn redis.call('get', KEYS[1])",
    b"#!lua flags=nosuch\nreturn 1", b"#!lua name=x\nreturn 1", b"#!python\nreturn 1", b"#!lua", b"return redis.call(\n'incr',\nKEYS[1])", b"\n\nreturn redis.call('get')",
]

# Bodies of functions: scripts of one line, but for those whose replies have no order there.
FUNCTIONS = [body for body in SCRIPTS if b"\n" not in body and not body.startswith(b"#!") and b"setresp(3) return redis.call('hgetall'" not in body] + [
    b"return redis.register_function", b"return redis.breakpoint()", b"return _G.KEYS", b"KEYS[1] = 'x' return KEYS", b"return {type(KEYS), #ARGV}",
]

# Libraries, and what is none.
LIBRARIES = [
    b"#!lua name=%s\n%s" % (name, body.encode()) for name in (b"l1", b"l2") for body in r"""
redis.register_function('f1', function(keys, args) return {#keys, args} end)
redis.register_function('f2', function(keys) return redis.call('GET', keys[1]) end) redis.register_function('f3', function() return 3 end)
local x = redis.register_function x('f3', function() return x('f4', function() end) end)
local function add(name) redis.register_function(name, function() return name end) end for i = 1, 4 do add('f' .. i) end
redis.register_function{function_name='f1', description='about it', flags={'no-writes', 'allow-stale'}, callback=function() return redis.call('DBSIZE') end}
redis.register_function{function_name='f1', callback=function(keys) return redis.call('SET', keys[1], 'x') end, flags={'no-writes'}}
redis.register_function('f1', redis.log)
redis.register_function('f1')
redis.register_function('f 1', function() end)
redis.register_function{function_name='f1', callback=function() end, flags={'nosuch'}}
redis.register_function{function_name='f1', callback=function() end, nosuch=1}
redis.call('SET', 'a', 'b')
global = 1
return redis
local x = nosuch
""".strip().split("\n")
] + [b"", b"#!lua", b"#!lua\n", b"#!lua name=l1\n", b"#!lua name=l-1\n", b"#!python name=l1\n", b"#!lua name=l1 name=l1\n", b"#!lua nosuch=l1\n", b"return 1"]
