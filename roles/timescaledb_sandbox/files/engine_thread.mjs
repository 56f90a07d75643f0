// The engine as the server sees it: calls into the thread in which engine.mjs runs.

import { Worker } from 'node:worker_threads'

/** The answer to a client that cannot be served; `fields` is what an ErrorResponse says. */
export class Refusal extends Error {
  constructor(fields) {
    super(fields.M)
    this.fields = fields
  }
}

export class Engine {
  #worker = new Worker(new URL('./engine.mjs', import.meta.url))
  #pending // how to settle the one call under way
  #last = Promise.resolve()

  constructor() {
    this.#worker.on('message', (answer) => this.#settle(answer))
    this.#worker.on('error', (error) => this.#pending?.reject(error))
    this.#worker.on('exit', () => this.#pending?.reject(new Error('the engine ended by itself')))
  }

  /** Calls happen one after the other, in the order in which they were made. */
  call(name, argument) {
    const result = this.#last.then(() => this.#send(name, argument))
    this.#last = result.catch(() => {})
    return result
  }

  #send(name, argument) {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject }
      this.#worker.postMessage({ name, argument })
    })
  }

  #settle({ result, refusal, failure }) {
    const { resolve, reject } = this.#pending
    this.#pending = undefined
    if (failure) reject(new Error(failure))
    else if (refusal) reject(new Refusal(refusal))
    else resolve(result)
  }
}
