"""The package limits: each strategy over the Redis storage, by several clients of one storage. Argument: the port."""

import asyncio
import sys

import limits
from limits.aio import strategies as aio_strategies
from limits import storage, strategies

URI = f"redis://127.0.0.1:{sys.argv[1]}"


def each_strategy():
    store = storage.storage_from_string(URI)
    print("check", store.check())
    for strategy in (strategies.FixedWindowRateLimiter, strategies.MovingWindowRateLimiter, strategies.SlidingWindowCounterRateLimiter):
        limiter = strategy(store)
        hourly, daily = limits.parse("5/hour"), limits.parse("7/day")
        print(strategy.__name__)
        for cost in (1, 1, 2, 3, 1, 1):
            print("  test", limiter.test(hourly, "user", "a", cost=cost), "hit", limiter.hit(hourly, "user", "a", cost=cost))
        print("  remaining", limiter.get_window_stats(hourly, "user", "a").remaining)
        print("  several", [limiter.hit(daily, "user", str(n % 2)) for n in range(16)])
        limiter.clear(hourly, "user", "a")
        print("  cleared", limiter.get_window_stats(hourly, "user", "a").remaining, limiter.hit(hourly, "user", "a"))
        print("  odd names", limiter.hit(hourly, "a b\r\n", "ü"), limiter.get_window_stats(hourly, "a b\r\n", "ü").remaining)
        print("  reset", store.reset(), limiter.get_window_stats(daily, "user", "0").remaining)
    print("many of one limit")
    limiter, wide = strategies.MovingWindowRateLimiter(store), limits.parse("6000/day")
    print(" ", limiter.hit(wide, "x", cost=5999), limiter.hit(wide, "x", cost=2), limiter.hit(wide, "x"), limiter.get_window_stats(wide, "x").remaining)


async def awaited():
    store = storage.storage_from_string("async+" + URI, implementation="redispy")
    print("async", await store.check())
    for strategy in (aio_strategies.FixedWindowRateLimiter, aio_strategies.MovingWindowRateLimiter, aio_strategies.SlidingWindowCounterRateLimiter):
        limiter, hourly = strategy(store), limits.parse("10/hour")
        hits = await asyncio.gather(*(limiter.hit(hourly, "async", strategy.__name__) for _ in range(30)))
        print(" ", strategy.__name__, sum(hits), (await limiter.get_window_stats(hourly, "async", strategy.__name__)).remaining)


each_strategy()
asyncio.run(awaited())
