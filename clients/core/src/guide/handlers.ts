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

  /** `report` tells a developer of a mistake. */
  constructor(private readonly report: (text: string, error?: unknown) => void) {}

  /** Adds a handler. One that is no function, or of an event without a name, is reported and left out. */
  on(event: string, handler: unknown, context?: unknown): void {
    if (typeof event !== "string") {
      this.report("on(): the event is not declared in EVENT")
    } else if (typeof handler !== "function") {
      this.report(`on(${event}): the handler is no function`)
    } else {
      this.entries.push({ event, handler: handler as Handler, context })
    }
  }

  /**
   * With a handler: removes its first registration. With an event alone: all of the event. Without any argument:
   * everything. An event that is `undefined` (a name that EVENT does not have) removes nothing.
   */
  off(...given: [event?: unknown, handler?: unknown]): void {
    const [event, handler] = given
    if (given.length === 0) {
      this.entries = []
    } else if (typeof event !== "string") {
      this.report("off(): the event is not declared in EVENT")
    } else if (handler === undefined) {
      this.entries = this.entries.filter((e) => e.event !== event)
    } else {
      const index = this.entries.findIndex((e) => e.event === event && e.handler === handler)
      if (index >= 0) this.entries.splice(index, 1)
    }
  }

  /** Calls the handlers of this moment. One that throws is reported and does not stop the next. */
  call(event: string, argument: unknown): void {
    const entries = this.entries.filter((e) => e.event === event)
    entries.forEach(({ handler, context }) => {
      try {
        ;(handler as (argument: unknown) => void).call(context, argument)
      } catch (error) {
        this.report(`the handler of ${event} threw`, error)
      }
    })
  }
}
