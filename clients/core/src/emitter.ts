/** A handler registry whose handlers cannot hurt each other. */

/** Removes the handler it was given for. */
export type Unsubscribe = () => void

/**
 * Calls handlers in the order of their registration. A handler that throws is reported; the next ones still run.
 *
 * Events are told one after the other: what a handler causes is told when everybody has heard the present event. So all
 * handlers hear the same order, and nobody hears the end of a call after the beginning of the next.
 */
export class Emitter<E> {
  private handlers: Array<(event: E) => void> = []
  private waiting: E[] = []
  private telling: E | null = null

  /** `report` hears of a handler that threw. */
  constructor(private readonly report: (error: unknown) => void) {}

  /** The event that handlers are hearing now; null between events. */
  get current(): E | null {
    return this.telling
  }

  /** Adds a handler. The same one twice is called twice. */
  on(handler: (event: E) => void): Unsubscribe {
    const entry = (event: E) => handler(event)
    this.handlers.push(entry)
    return () => {
      this.handlers = this.handlers.filter((h) => h !== entry)
    }
  }

  /** Tells an event; inside a handler: after the present one. */
  emit(event: E): void {
    this.waiting.push(event)
    if (this.telling !== null) return
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      this.telling = next
      this.tell(next)
    }
    this.telling = null
  }

  private tell(event: E): void {
    this.handlers.slice().forEach((handler) => {
      try {
        handler(event)
      } catch (error) {
        this.report(error)
      }
    })
  }
}
