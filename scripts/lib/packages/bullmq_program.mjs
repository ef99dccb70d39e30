// The package bullmq: queues, delayed and prioritised jobs, retries, several workers, rate limits, flows, events. Argument: the port.
import { FlowProducer, Queue, QueueEvents, UnrecoverableError, Worker } from 'bullmq'

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

// Several workers, a rate limit, retries that end, events of all kinds, parents and children.
const busy = new Queue('busy', { connection })
busy.on('error', () => {})
busy.setMaxListeners(100)
const events = new QueueEvents('busy', { connection })
events.on('error', () => {})
events.setMaxListeners(100)
await step('events ready', async () => { await events.waitUntilReady(); return 'yes' })
const heard = { waiting: 0, active: 0, completed: 0, failed: 0, delayed: 0, progress: 0 }
for (const name of Object.keys(heard)) events.on(name, () => { heard[name] += 1 })
const seen = []
const workers = [0, 1, 2].map(() => new Worker('busy', async (job) => {
  if (job.name === 'hopeless') throw new UnrecoverableError('never')
  if (job.name === 'again' && job.attemptsMade < 2) throw new Error('again')
  await job.updateProgress(50)
  await job.log(`working on ${job.name}`)
  seen.push(job.id)
  return { n: job.data.n }
}, { connection, concurrency: 2, limiter: { max: 10, duration: 200 } }))
workers.forEach((worker) => worker.on('error', () => {}))
await step('many', async () => {
  const jobs = await busy.addBulk(Array.from({ length: 30 }, (_, n) => ({ name: 'job', data: { n }, opts: { jobId: `job-${n}` } })))
  await Promise.all(jobs.map((job) => job.waitUntilFinished(events, 15000)))
  return [jobs.length, new Set(seen).size, seen.length]
})
await step('again', async () => (await (await busy.add('again', { n: 1 }, { attempts: 5, backoff: { type: 'exponential', delay: 5 } })).waitUntilFinished(events, 10000)))
await step('hopeless', async () => (await (await busy.add('hopeless', { n: 1 }, { attempts: 5 })).waitUntilFinished(events, 10000)))
await step('delayed', async () => (await (await busy.add('soon', { n: 7 }, { delay: 50 })).waitUntilFinished(events, 10000)))
await step('priorities', async () => {
  await busy.pause()
  for (const [n, priority] of [[1, 5], [2, 1], [3, 3]]) await busy.add('sorted', { n }, { priority, jobId: `sorted-${n}` })
  const order = (await busy.getPrioritized()).map((job) => job.data.n)
  await busy.resume()
  return order
})
await step('flow', async () => {
  const flow = new FlowProducer({ connection })
  flow.on('error', () => {})
  const tree = await flow.add({ name: 'parent', queueName: 'busy', data: { n: 'p' }, children: [1, 2, 3].map((n) => ({ name: 'child', queueName: 'busy', data: { n } })) })
  const result = await tree.job.waitUntilFinished(events, 10000)
  const children = Object.values(await tree.job.getChildrenValues()).map((value) => value.n).sort()
  const state = await tree.job.getState()
  await flow.close()
  return [result, children, state]
})
await step('log', async () => (await busy.getJobLogs('job-3')).logs)
await step('scheduler', async () => {
  await busy.upsertJobScheduler('often', { every: 3600000 }, { name: 'tick', data: { n: 0 } })
  const all = (await busy.getJobSchedulers()).map((scheduler) => [scheduler.key, scheduler.every])
  return [all, await busy.removeJobScheduler('often')]
})
await step('heard', async () => { await new Promise((resolve) => setTimeout(resolve, 300)); return [heard.completed >= 30, heard.failed > 0, heard.delayed > 0, heard.progress > 0] })
await step('clean', async () => (await busy.clean(0, 5, 'completed')).length)
await step('trim events', async () => (await busy.trimEvents(2)) > 0)
await step('drain', async () => { await busy.drain(true); return busy.getJobCounts('waiting', 'delayed', 'prioritized', 'active') })
await step('end', async () => { await Promise.all(workers.map((worker) => worker.close())); await events.close(); await busy.obliterate({ force: true }); return busy.getJobCounts() })
process.exit(0)
