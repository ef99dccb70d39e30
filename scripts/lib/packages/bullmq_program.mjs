// The package bullmq: queues, delayed and prioritised jobs, retries, workers. Argument: the port.
import { Queue, Worker, QueueEvents } from 'bullmq'

const connection = { host: '127.0.0.1', port: Number(process.argv[2]), maxRetriesPerRequest: null }
const text = (error) => `${error.name}: ${error.message}`.replace(/f_[0-9a-f]{40}|[0-9a-f]{40}/g, 'SHA')
const within = (promise, seconds, what) => Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(new Error(`${what} took longer than ${seconds} s`)), seconds * 1000))])

const queue = new Queue('mail', { connection })
queue.on('error', () => {})
const step = async (label, call) => {
  const result = await within(call(), 20, label).catch((error) => error)
  console.log(label, result instanceof Error ? text(result) : result)
  return result
}

await step('ready', async () => { await queue.waitUntilReady(); return 'yes' })
await step('pause', async () => { await queue.pause(); return queue.isPaused() })
const added = await step('add', async () => (await queue.add('send', { to: 'ann' }, { attempts: 3, backoff: { type: 'fixed', delay: 1 } })).id)
if (added instanceof Error) process.exit(1)
await step('add delayed', async () => (await queue.add('later', { n: 1 }, { delay: 3600000, jobId: 'later' })).id)
await step('add prioritised', async () => (await queue.add('first', { n: 2 }, { priority: 1 })).id)
await step('add many', async () => (await queue.addBulk(Array.from({ length: 20 }, (_, n) => ({ name: 'bulk', data: { n } })))).length)
await step('counts', () => queue.getJobCounts('waiting', 'paused', 'delayed', 'prioritized', 'completed', 'failed'))
await step('get', async () => (await queue.getJob('later'))?.data)
await step('promote', async () => { await (await queue.getJob('later')).promote(); return 'yes' })
await step('resume', async () => { await queue.resume(); return queue.isPaused() })

let failures = 2
const done = []
const worker = new Worker('mail', async (job) => {
  if (job.name === 'send' && failures-- > 0) throw new Error('not yet')
  done.push(job.name)
  return job.data.n ?? job.name
}, { connection, concurrency: 4 })
worker.on('error', () => {})
await step('work', () => new Promise((resolve) => worker.on('completed', () => { if (done.length === 23) resolve(done.filter((name) => name === 'bulk').length) })))
await step('counts', () => queue.getJobCounts('waiting', 'delayed', 'prioritized', 'active', 'completed', 'failed'))
await step('attempts', async () => (await queue.getJob('1'))?.attemptsMade)
await step('events', async () => {
  const events = new QueueEvents('mail', { connection })
  events.on('error', () => {})
  await within(events.waitUntilReady(), 5, 'the event stream')
  const heard = new Promise((resolve) => events.on('completed', ({ jobId }) => resolve(jobId)))
  await queue.add('last', {}, { jobId: 'last-one' })
  const id = await within(heard, 5, 'an event')
  await events.close()
  return id
})
await step('obliterate', async () => { await within(worker.close(true), 5, 'the end of the worker'); await queue.obliterate({ force: true }); return 'yes' })
process.exit(0)
