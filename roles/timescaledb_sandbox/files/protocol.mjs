// The PostgreSQL wire protocol (version 3), as far as the sandbox must speak it itself. Pure functions on buffers.

const PROTOCOL_3 = 3
const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104
const CANCEL_REQUEST = 80877102
const MAX_STARTUP_LENGTH = 10000 // PostgreSQL's own bound
const MAX_MESSAGE_LENGTH = 256 * 1024 * 1024

export class ProtocolViolation extends Error {}

/** One message: a type letter, a length that counts itself, a body. */
export function message(type, ...parts) {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

export const query = (sql) => message('Q', `${sql}\0`)
export const sync = () => message('S')
export const authenticationOk = () => message('R', int32(0))
/** The end of a greeting: the key of the backend (no use here, nothing can be cancelled), and readiness. */
export const welcome = (pid) => Buffer.concat([message('K', int32(pid), int32(0)), message('Z', 'I')])
export const parameterStatus = (name, value) => message('S', `${name}\0${value}\0`)

function int32(value) {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32BE(value)
  return buffer
}

/** An ErrorResponse that ends the connection. `fields` maps PostgreSQL's field letters to text (C code, M message...). */
export function fatal(fields) {
  const texts = { ...fields, S: 'FATAL', V: 'FATAL' }
  const body = Object.entries(texts).map(([letter, text]) => `${letter}${text}\0`)
  return message('E', ...body, '\0')
}

/** The fields of an ErrorResponse's or NoticeResponse's body, by their letter. */
export function errorFields(body) {
  const texts = body.toString().split('\0').filter((text) => text !== '')
  return Object.fromEntries(texts.map((text) => [text[0], text.slice(1)]))
}

/**
 * Reads what a client says first. Returns null while it is incomplete, else its length and kind:
 * 'encryption' (asks for TLS or GSS), 'cancel', or 'startup' with the client's parameters.
 */
export function readGreeting(buffer) {
  if (buffer.length < 8) return null
  const length = buffer.readInt32BE(0)
  if (length < 8 || length > MAX_STARTUP_LENGTH) throw new ProtocolViolation('invalid length of startup packet')
  if (buffer.length < length) return null
  const code = buffer.readInt32BE(4)
  if (code === SSL_REQUEST || code === GSS_REQUEST) return { length, kind: 'encryption' }
  if (code === CANCEL_REQUEST) return { length, kind: 'cancel' }
  if (code >> 16 !== PROTOCOL_3) throw new ProtocolViolation('unsupported frontend protocol, only version 3 is spoken')
  const { parameters, extensions } = readParameters(buffer.subarray(8, length))
  return { length, kind: 'startup', parameters, extensions, minor: code & 0xffff }
}

function readParameters(body) {
  const texts = body.toString().split('\0')
  const parameters = {}
  const extensions = []
  for (let i = 0; i + 1 < texts.length && texts[i] !== ''; i += 2) {
    if (texts[i].startsWith('_pq_.')) extensions.push(texts[i])
    else parameters[texts[i]] = texts[i + 1]
  }
  return { parameters, extensions }
}

/** Tells a client that asked for a newer minor version or for extensions that this is plain 3.0. */
export function negotiateVersion(extensions) {
  return message('v', int32(PROTOCOL_3 << 16), int32(extensions.length), ...extensions.map((name) => `${name}\0`))
}

/** Cuts bytes into whole messages; `rest` is what is left, the beginning of a message still to come. */
export function splitMessages(buffer) {
  const messages = []
  let start = 0
  for (let length = lengthAt(buffer, 0); length <= buffer.length - start; length = lengthAt(buffer, start)) {
    messages.push(buffer.subarray(start, start + length))
    start += length
  }
  return { messages, rest: buffer.subarray(start) }
}

/** How long the message is that begins at `start`; as long as that is not known, how long it is at least. */
function lengthAt(buffer, start) {
  if (buffer.length - start < 5) return 5
  const length = buffer.readInt32BE(start + 1)
  if (length < 4 || length > MAX_MESSAGE_LENGTH) throw new ProtocolViolation('invalid message length')
  return length + 1
}

/** Collects what TCP delivers in pieces of any size until messages are whole: the engine dies of half a message. */
export class MessageReader {
  #pieces = []
  #length = 0
  #wanted = 5

  /** The messages that `piece` has completed. */
  push(piece) {
    this.#pieces.push(piece)
    this.#length += piece.length
    if (this.#length < this.#wanted) return [] // spares joining a long message again for each of its pieces
    const { messages, rest } = splitMessages(Buffer.concat(this.#pieces))
    this.#pieces = [rest]
    this.#length = rest.length
    this.#wanted = lengthAt(rest, 0)
    return messages
  }
}

export const typeOf = (msg) => String.fromCharCode(msg[0])
export const bodyOf = (msg) => msg.subarray(5)
