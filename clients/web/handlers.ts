/** The `on` and `off` of the guide. */

type Handler = (argument: never) => void

interface Entry {
  event: string
  handler: Handler
  context: unknown
}

/** Handlers by event name, with the old rules: no deduplication, and `off` takes the first match. */
export class Handlers {
  private entries: Entry[] = []

  /** Adds a handler. One that is no function is reported and left out. */
  on(event: string, handler: unknown, context?: unknown): void {
    if (typeof handler !== "function") {
      console.error(`[tring] on(${event}): the handler is no function`)
      return
    }
    this.entries.push({ event, handler: handler as Handler, context })
  }

  /** With a handler: removes its first registration. Without: all of the event. Without both: everything. */
  off(event?: string, handler?: unknown): void {
    if (event === undefined) {
      this.entries = []
    } else if (handler === undefined) {
      this.entries = this.entries.filter((e) => e.event !== event)
    } else {
      const index = this.entries.findIndex((e) => e.event === event && e.handler === handler)
      if (index >= 0) this.entries.splice(index, 1)
    }
  }

  /** Calls the handlers of this moment. One that throws is reported and does not stop the next. */
  call(event: string, argument: unknown): void {
    for (const entry of this.entries.filter((e) => e.event === event)) {
      try {
        ;(entry.handler as (argument: unknown) => void).call(entry.context, argument)
      } catch (error) {
        console.error(`[tring] the handler of ${event} threw`, error)
      }
    }
  }
}
