// The package rate-limiter-flexible over both clients: windows, blocks, bursts, queues, many at once. Argument: the port.
import { createClient } from 'redis'
import Redis from 'ioredis'
import * as flexible from 'rate-limiter-flexible'

const port = Number(process.argv[2])
const { RateLimiterRedis, RateLimiterRedisNonAtomic, RateLimiterUnion, BurstyRateLimiter, RateLimiterQueue, RLWrapperBlackAndWhite } = flexible.default ?? flexible

// What is left until a window ends depends on the clock; that it is there at all does not.
const told = (result) => result instanceof Error
  ? `${result.name}: ${result.message}`
  : { consumed: result.consumedPoints, remaining: result.remainingPoints, first: result.isFirstInDuration, has_end: result.msBeforeNext > 0 }
const shown = async (label, promise) => console.log(label, await promise.then((result) => result === null ? null : typeof result === 'object' ? told(result) : result, told))

async function play (name, options) {
  console.log(name)
  const limiter = new RateLimiterRedis({ ...options, keyPrefix: name, points: 5, duration: 3600, blockDuration: 7200 })
  await shown('get', limiter.get('ann'))
  for (const points of [1, 2, 2, 1, 1]) await shown(`consume ${points}`, limiter.consume('ann', points))
  await shown('get', limiter.get('ann'))
  await shown('penalty', limiter.penalty('bob', 3))
  await shown('reward', limiter.reward('bob', 1))
  await shown('block', limiter.block('cid', 1000))
  await shown('consume blocked', limiter.consume('cid'))
  await shown('set', limiter.set('dee', 4, 1000))
  await shown('consume set', limiter.consume('dee'))
  await shown('delete', limiter.delete('dee'))
  await shown('delete again', limiter.delete('dee'))
  await shown('for ever', new RateLimiterRedis({ ...options, keyPrefix: `${name}ever`, points: 2, duration: 0 }).consume('x').then((result) => result.consumedPoints))
  const other = new RateLimiterRedis({ ...options, keyPrefix: `${name}other`, points: 1, duration: 3600 })
  const union = new RateLimiterUnion(limiter, other)
  await shown('union', union.consume('eve').then((all) => Object.keys(all).length))
  await union.consume('eve').then(() => console.log('union passed'), (all) => console.log('union refused', Object.keys(all)))
  const burst = new BurstyRateLimiter(other, new RateLimiterRedis({ ...options, keyPrefix: `${name}burst`, points: 2, duration: 3600 }))
  for (let n = 0; n < 4; n++) await shown('bursty', burst.consume('fay').then((result) => result.consumedPoints))
  const listed = new RLWrapperBlackAndWhite({ limiter, whiteList: ['vip'], blackList: ['bad'] })
  await shown('white', listed.consume('vip').then((result) => result.remainingPoints > 1000))
  await shown('black', listed.consume('bad').then(() => 'passed'))
  const queue = new RateLimiterQueue(new RateLimiterRedis({ ...options, keyPrefix: `${name}queue`, points: 3, duration: 3600 }))
  console.log('queue', await Promise.all([1, 2, 3].map(() => queue.removeTokens(1))))
  const settled = await Promise.allSettled(Array.from({ length: 40 }, () => new RateLimiterRedis({ ...options, keyPrefix: `${name}many`, points: 25, duration: 3600 }).consume('all')))
  console.log('many', settled.filter((one) => one.status === 'fulfilled').length)
  const custom = new RateLimiterRedis({ ...options, keyPrefix: `${name}custom`, points: 2, duration: 3600, execEvenly: false, customIncrTtlLuaScript: "local n = redis.call('incrby', KEYS[1], ARGV[1]) if n == tonumber(ARGV[1]) then redis.call('expire', KEYS[1], ARGV[2]) end return {n, redis.call('pttl', KEYS[1])}" })
  for (let n = 0; n < 3; n++) await shown('custom', custom.consume('x'))
  if (RateLimiterRedisNonAtomic) {
    const loose = new RateLimiterRedisNonAtomic({ ...options, keyPrefix: `${name}loose`, points: 2, duration: 3600 })
    for (let n = 0; n < 3; n++) await shown('not atomic', loose.consume('x'))
  }
}

const io = new Redis(port)
await play('ioredis', { storeClient: io })
await io.quit()
const node = await createClient({ url: `redis://127.0.0.1:${port}` }).connect()
await play('node-redis', { storeClient: node, useRedisPackage: true })
await node.close()
