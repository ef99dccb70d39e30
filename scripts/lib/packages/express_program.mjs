// The packages rate-limit-redis and express-rate-limit: an application whose answers are limited over HTTP. Argument: the port.
import { createClient } from 'redis'
import Redis from 'ioredis'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import { RedisStore } from 'rate-limit-redis'

const port = Number(process.argv[2])

async function play (name, sendCommand) {
  console.log(name)
  const app = express()
  app.set('trust proxy', 1)
  const store = new RedisStore({ sendCommand, prefix: `${name}:` })
  app.use('/api', rateLimit({ windowMs: 3600000, limit: 3, standardHeaders: 'draft-6', legacyHeaders: false, store }))
  const failures = new RedisStore({ sendCommand, prefix: `${name}:failures:` })
  app.use('/login', rateLimit({ windowMs: 3600000, limit: 2, standardHeaders: 'draft-6', legacyHeaders: false, skipSuccessfulRequests: true, store: failures }))
  app.get('/api', (_, response) => response.send('ok'))
  app.get('/login', (request, response) => response.status(request.query.right ? 200 : 401).send('done'))
  const server = await new Promise((resolve) => { const one = app.listen(0, '127.0.0.1', () => resolve(one)) })
  const ask = async (path, address) => {
    const response = await fetch(`http://127.0.0.1:${server.address().port}${path}`, { headers: { 'x-forwarded-for': address } })
    console.log(path, address, response.status, response.headers.get('ratelimit-remaining'), await response.text())
  }
  for (let n = 0; n < 5; n++) await ask('/api', '10.0.0.1')
  await ask('/api', '10.0.0.2')
  for (const right of ['', '?right=1', '?right=1', '', '', '?right=1']) await ask(`/login${right}`, '10.0.0.1')
  const { totalHits, resetTime } = await store.get('10.0.0.1')
  console.log('get', totalHits, resetTime > new Date())
  await store.decrement('10.0.0.1')
  console.log('decremented', (await store.get('10.0.0.1')).totalHits)
  await store.resetKey('10.0.0.1')
  console.log('reset', (await store.get('10.0.0.1'))?.totalHits)
  console.log('many', (await Promise.all(Array.from({ length: 50 }, () => store.increment('all')))).map((one) => one.totalHits).sort((a, b) => a - b).at(-1))
  await new Promise((resolve) => server.close(resolve))
}

const node = await createClient({ url: `redis://127.0.0.1:${port}` }).connect()
await play('node-redis', (...args) => node.sendCommand(args))
await node.close()
const io = new Redis(port)
await play('ioredis', (command, ...args) => io.call(command, ...args))
await io.quit()
