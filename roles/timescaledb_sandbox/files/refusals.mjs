// Statements that end the WebAssembly engine are replaced, before it sees them, by one that raises an error. The engine
// itself raises it, so that the client's transaction is left in the state that an error leaves it in.

import { message, typeOf, bodyOf } from './protocol.mjs'

const REFUSALS = [
  {
    pattern: /^\s*copy\b[^]*\bfrom\s+std(in|out)\b/i,
    message: 'the sandbox does not support COPY ... FROM STDIN',
    hint: 'Use INSERT with several rows a statement; on a server COPY works.',
  },
  {
    pattern: /^\s*set\s+((session|local)\s+)?(client_encoding\b|names\b)(?!\s*(=|to)?\s*(utf-?8|unicode|default)\b)/i,
    message: 'the sandbox speaks UTF8 only, client_encoding cannot be changed',
    hint: 'Leave client_encoding at UTF8.',
  },
]
// Nearly every statement is cleared by this look at its text; only the others are read more closely.
const SUSPECT = /\bcopy\b|\bclient_encoding\b|\bnames\b/i

// Whatever can hold a semicolon or a keyword without meaning it begins like this.
const OPENING = /--|\/\*|\b[eE]'|'|"|\$(?:[a-zA-Z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|;/g

/** The statements of an SQL text, without comments, each quoted thing reduced to an empty pair of quotes. */
export function splitStatements(sql) {
  const statements = ['']
  let position = 0
  const keep = (text) => (statements[statements.length - 1] += text)
  for (OPENING.lastIndex = 0; ; OPENING.lastIndex = position) {
    const opening = OPENING.exec(sql)
    keep(sql.slice(position, opening?.index))
    if (!opening) return statements
    position = endOf(sql, opening[0], OPENING.lastIndex)
    if (opening[0] === ';') statements.push('')
    else keep(standIn(sql.slice(opening.index, position)))
  }
}

/** Where the thing ends that `opening` began; `from` is the place right after the opening. */
function endOf(sql, opening, from) {
  if (opening === ';') return from
  if (opening === '--') return after(sql, '\n', from)
  if (opening === '/*') return after(sql, '*/', from)
  if (opening.startsWith('$')) return after(sql, opening, from)
  const escapes = opening.length === 2 // E'it\'s'
  const quote = opening.at(-1)
  for (let i = from; i < sql.length; i++) {
    if (escapes && sql[i] === '\\') i++
    else if (sql[i] === quote && sql[i + 1] === quote) i++
    else if (sql[i] === quote) return i + 1
  }
  return sql.length
}

function after(sql, closing, from) {
  const index = sql.indexOf(closing, from)
  return index < 0 ? sql.length : index + closing.length
}

// `SET client_encoding = 'UTF8'` is allowed, so that one value stays readable.
function standIn(text) {
  if (text.startsWith('--') || text.startsWith('/*')) return ' '
  if (text.startsWith('"')) return '""'
  return /^'(utf-?8|unicode)'$/i.test(text) ? text.slice(1, -1) : "''"
}

/** The refusal that an SQL text meets, or undefined. */
export function findRefusal(sql) {
  if (!SUSPECT.test(sql)) return undefined
  for (const statement of splitStatements(sql)) {
    const refusal = REFUSALS.find(({ pattern }) => pattern.test(statement))
    if (refusal) return refusal
  }
  return undefined
}

/** A Query or Parse message as the engine may see it: itself, or the one that raises the error. */
export function guard(msg) {
  if (typeOf(msg) === 'Q') {
    const refusal = findRefusal(textAt(bodyOf(msg), 0))
    return refusal ? message('Q', `${raise(refusal)}\0`) : msg
  }
  if (typeOf(msg) === 'P') {
    const name = textAt(bodyOf(msg), 0)
    const refusal = findRefusal(textAt(bodyOf(msg), Buffer.byteLength(name) + 1))
    return refusal ? message('P', `${name}\0`, `${raise(refusal)}\0`, Buffer.alloc(2)) : msg
  }
  return msg
}

function textAt(body, start) {
  return body.toString('utf8', start, body.indexOf(0, start))
}

function raise({ message: text, hint }) {
  const code = 'feature_not_supported'
  return `DO $do$ BEGIN RAISE EXCEPTION USING ERRCODE = '${code}', MESSAGE = '${text}', HINT = '${hint}'; END $do$`
}
