"""The package redis: scripts, pipelines, locks, transactions, channels, in both protocols and asynchronously. Argument: the port."""

import asyncio
import sys
import threading

import redis
import redis.asyncio
from redis.exceptions import LockNotOwnedError, NoScriptError, ReadOnlyError, ResponseError, WatchError

PORT = int(sys.argv[1])
TAKE = """
local left = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
if left < tonumber(ARGV[2]) then return {0, left} end
redis.call('SET', KEYS[1], left - ARGV[2], 'EX', 3600)
return {1, left - ARGV[2]}
"""


def refused(call, *kinds):
    try:
        return ("no error", call())
    except kinds as error:
        return (type(error).__name__, str(error)[:60])


def scripts(client):
    take = client.register_script(TAKE)
    print(" script", [take(keys=["bucket"], args=[5, n]) for n in (1, 3, 2, 1)])
    client.script_flush()
    pipe = client.pipeline()
    take(keys=["piped"], args=[5, 2], client=pipe)
    pipe.set("x", 1).incr("x")
    take(keys=["piped"], args=[5, 9], client=pipe)
    print(" in a pipeline, not loaded", pipe.execute())
    print(" exists", client.script_exists(take.sha, "0" * 40))
    client.script_flush("SYNC")
    print(" evalsha", refused(lambda: client.evalsha(take.sha, 1, "bucket", 1, 1), NoScriptError))
    print(" eval_ro", refused(lambda: client.eval_ro("return redis.call('SET', KEYS[1], 1)", 1, "x"), ResponseError, ReadOnlyError)[0])
    print(" error", refused(lambda: client.eval("return redis.error_reply('MYERR it is mine')", 0), ResponseError))
    print(" json", client.eval("return cjson.encode({1, 'x', {a = 1.5}})", 0))


def locks(client):
    lock = client.lock("lock", timeout=3600)
    print(" acquire", lock.acquire(blocking=False), client.lock("lock", timeout=5).acquire(blocking=False))
    print(" extend", lock.extend(100), lock.extend(50, replace_ttl=True), lock.reacquire(), lock.owned(), lock.locked())
    other = client.lock("lock", timeout=5)
    for call in (other.release, lambda: other.extend(1), other.reacquire):
        other.local.token = b"foreign"
        print(" foreign", refused(call, LockNotOwnedError))
    lock.release()
    with client.lock("lock", timeout=100, blocking_timeout=1):
        print(" within", client.exists("lock"))
    print(" after", client.exists("lock"))


def transactions(client):
    client.set("n", 1)
    pipe = client.pipeline()
    pipe.watch("n")
    client.incr("n")
    pipe.multi()
    pipe.set("n", 100)
    print(" watched", refused(pipe.execute, WatchError)[0])
    print(" transaction", client.transaction(lambda pipe: pipe.multi() or pipe.incr("n").zadd("z", {"a": 1.5, "b": 2}), "n"))
    pipe = client.pipeline()
    pipe.lpush("n", 1).incr("n")
    print(" errors", [type(reply).__name__ for reply in pipe.execute(raise_on_error=False)])


def channels(client):
    heard = client.pubsub()
    heard.subscribe("news")
    heard.psubscribe("n*")
    out = [heard.get_message(timeout=5)["type"] for _ in range(2)]
    print(" published", client.eval("return redis.call('PUBLISH', 'news', ARGV[1])", 0, "hello"))
    out += [(m["type"], m["channel"], m["data"]) for m in (heard.get_message(timeout=5) for _ in range(2))]
    print(" heard", out)
    heard.close()


def values(client):
    client.hset("h", mapping={"a": 1, "b": "two"})
    client.rpush("l", *range(5))
    client.sadd("s", "m")
    client.geoadd("g", (13.361389, 38.115556, "palermo"))
    print(" values", client.hgetall("h"), client.lrange("l", 0, -1), client.smembers("s"), client.zrange("z", 0, -1, withscores=True), client.zscore("z", "a"))
    print(" scores", client.zadd("z", {"a": 3}, gt=True, ch=True), client.zadd("z", {"a": 1}, incr=True), client.zrank("z", "a"), client.zpopmin("z"), client.zmpop(1, ["z"], max=True))
    print(" scan", sorted(client.scan_iter(match="?", count=3)), sorted(client.hscan_iter("h")), client.type("h"), client.object("encoding", "h"))
    waiting = threading.Timer(0.1, lambda: client.rpush("later", "x"))
    waiting.start()
    print(" blpop", client.blpop("later", timeout=5), client.getex("x", persist=True), client.lmove("l", "m", "LEFT", "RIGHT"))
    waiting.join()
    print(" expire", client.expire("h", 100, nx=True), client.expire("h", 50, gt=True), client.pexpiretime("h") > 0, client.persist("h"), client.copy("h", "h2"))
    print(" client", client.client_setname("me"), client.client_getname(), client.info("server")["redis_version"], client.config_get("maxmemory-policy"))


async def awaited():
    client = redis.asyncio.Redis(port=PORT, decode_responses=True)
    take = client.register_script(TAKE)
    got = await asyncio.gather(*(take(keys=["async"], args=[10, 1]) for _ in range(25)))
    print("async", sum(granted for granted, _ in got), min(left for _, left in got))
    async with client.lock("alock", timeout=100):
        print(" locked", await client.exists("alock"))
    async with client.pipeline(transaction=True) as pipe:
        print(" pipeline", await pipe.set("a", 1).incrby("a", 5).get("a").execute())
    await client.aclose()


for options in ({"protocol": 2}, {"protocol": 3}, {"protocol": 3, "decode_responses": True}, {}):
    print(options)
    client = redis.Redis(port=PORT, **options)
    client.flushall()
    for part in (scripts, locks, transactions, channels, values):
        part(client)
    client.close()
asyncio.run(awaited())
