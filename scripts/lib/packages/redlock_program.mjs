// The package redlock: locks over one and several resources, extended, released, lost. Argument: the port.
import Redis from 'ioredis'
import Redlock from 'redlock'

const client = new Redis(Number(process.argv[2]))
const redlock = new Redlock([client], { retryCount: 2, retryDelay: 10, retryJitter: 5 })
const shown = async (label, promise) => console.log(label, await promise.then((result) => result?.resource ?? result ?? 'done', (error) => `${error.name}: ${error.message}`))

const lock = await redlock.lock('resource', 3600000)
console.log('locked', lock.resource, lock.value.length > 10, await client.get('resource') === lock.value, await client.pttl('resource') > 3000000)
await shown('second', redlock.lock('resource', 1000))
await shown('extended', lock.extend(7200000))
console.log('longer', await client.pttl('resource') > 7000000)
const both = await redlock.lock(['a', 'b'], 3600000)
await shown('one of both', redlock.lock('b', 1000))
await shown('with others', redlock.lock(['b', 'c'], 1000))
console.log('nothing is left of it', await client.exists('c'))
await shown('unlocked both', both.unlock())
await client.set('resource', 'foreign')
await shown('lost, extended', lock.extend(1000))
await shown('lost, unlocked', lock.unlock())
console.log('foreign', await client.get('resource'))
const order = []
await Promise.all([1, 2, 3].map(async (n) => {
  const turn = await new Redlock([client], { retryCount: -1, retryDelay: 5 }).lock('turn', 60000)
  order.push('in')
  await client.incr('turns')
  order.push('out')
  await turn.unlock()
}))
console.log('turns', await client.get('turns'), order.join(' '))
await client.quit()
