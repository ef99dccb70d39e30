// The clients ioredis and redis (node-redis): scripts defined as commands, pipelines, transactions, channels, scans. Argument: the port.
import { createClient, defineScript } from 'redis'
import Redis from 'ioredis'

const port = Number(process.argv[2])
const TAKE = "local left = tonumber(redis.call('GET', KEYS[1]) or ARGV[1]) if left < tonumber(ARGV[2]) then return -1 end redis.call('SET', KEYS[1], left - ARGV[2]) return left - ARGV[2]"
const text = (error) => `${error.name}: ${error.message}`

async function ioredis () {
  const client = new Redis(port)
  await client.flushall()
  client.defineCommand('take', { numberOfKeys: 1, lua: TAKE })
  console.log('ioredis', [await client.take('bucket', 5, 3), await client.take('bucket', 5, 3), await client.takeBuffer('bucket', 5, 1)])
  await client.script('FLUSH')
  console.log('pipeline', await client.pipeline().take('other', 5, 1).set('x', 1).incr('x').take('other', 5, 1).exec())
  console.log('multi', await client.multi().take('other', 5, 1).zadd('z', 1.5, 'a').zrange('z', 0, -1, 'WITHSCORES').exec())
  const failed = await client.multi().set('s', 'x').incr('s').get('s').exec()
  console.log('errors', failed.map(([error, value]) => error ? text(error) : value))
  await client.watch('x')
  const other = client.duplicate()
  await other.incr('x')
  console.log('watched', await client.multi().set('x', 9).exec())
  console.log('error', await client.eval("return redis.error_reply('MYERR mine')", 0).catch(text))
  await client.mset(Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k:${n}`, n])))
  const found = []
  for await (const keys of client.scanStream({ match: 'k:*', count: 7 })) found.push(...keys)
  console.log('scan', new Set(found).size)
  const listener = client.duplicate()
  const heard = new Promise((resolve) => listener.on('message', (...message) => resolve(message)))
  await listener.subscribe('news')
  await client.eval("return redis.call('PUBLISH', KEYS[1], ARGV[1])", 1, 'news', 'hello')
  console.log('heard', await heard)
  console.log('buffers', (await client.hsetBuffer('h', 'f', Buffer.from([0, 255, 13, 10])), await client.hgetallBuffer('h')))
  const blocked = client.duplicate()
  const popped = blocked.blpop('later', 5)
  await client.rpush('later', 'x')
  console.log('blpop', await popped)
  for (const one of [other, listener, blocked, client]) one.disconnect()
}

async function nodeRedis (RESP) {
  const scripts = { take: defineScript({ SCRIPT: TAKE, NUMBER_OF_KEYS: 1, parseCommand (parser, key, limit, n) { parser.pushKey(key); parser.push(String(limit), String(n)) }, transformReply: (reply) => reply }) }
  const client = await createClient({ url: `redis://127.0.0.1:${port}`, RESP, scripts }).connect()
  await client.flushAll()
  console.log('node-redis', RESP, [await client.take('bucket', 5, 3), await client.take('bucket', 5, 3), await client.take('bucket', 5, 1)])
  await client.scriptFlush()
  console.log('together', await Promise.all([client.take('piped', 9, 1), client.take('piped', 9, 1), client.incr('x'), client.take('piped', 9, 1)]))
  console.log('multi', await client.multi().take('piped', 9, 1).zAdd('z', [{ score: 1.5, value: 'a' }]).zRangeWithScores('z', 0, -1).zScore('z', 'a').exec())
  console.log('errors', await client.multi().set('s', 'x').incr('s').exec().catch((error) => [error.name, error.replies?.length]))
  const lone = await createClient({ url: `redis://127.0.0.1:${port}` }).connect()
  await lone.watch('x')
  await client.incr('x')
  console.log('watched', await lone.multi().set('x', 9).exec().catch((error) => error.name))
  await lone.close()
  console.log('eval', await client.eval("return {KEYS[1], ARGV[1], 7, false}", { keys: ['k'], arguments: ['a'] }), await client.eval("return redis.error_reply('MYERR mine')").catch(text))
  await client.mSet(Array.from({ length: 50 }, (_, n) => [`k:${n}`, String(n)]))
  const found = []
  for await (const keys of client.scanIterator({ MATCH: 'k:*', COUNT: 7 })) found.push(...keys)
  console.log('scan', new Set(found).size)
  const listener = await client.duplicate().connect()
  let tell
  const heard = new Promise((resolve) => { tell = resolve })
  await listener.pSubscribe('n*', (message, channel) => tell([message, channel]))
  await client.publish('news', 'hello')
  console.log('heard', await heard)
  await client.hSet('h', { a: '1', b: 'two' })
  console.log('values', { ...await client.hGetAll('h') }, await client.zmPop('z', 'MIN'), await client.expire('h', 100, 'NX'), await client.persist('h'), await client.type('h'))
  await listener.close()
  await client.close()
}

await ioredis()
await nodeRedis(2)
await nodeRedis(3)
