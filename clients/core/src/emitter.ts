/** A handler registry whose handlers cannot hurt each other. */

/** Removes the handler it was given for. */
export type Unsubscribe = () => void

/** Calls handlers in the order of their registration. A handler that throws is reported; the next ones still run. */
export class Emitter<E> {
  private handlers: Array<(event: E) => void> = []

  /** `report` hears of a handler that threw. */
  constructor(private readonly report: (error: unknown) => void) {}

  /** Adds a handler. The same one twice is called twice. */
  on(handler: (event: E) => void): Unsubscribe {
    const entry = (event: E) => handler(event)
    this.handlers.push(entry)
    return () => {
      this.handlers = this.handlers.filter((h) => h !== entry)
    }
  }

  /** Calls the handlers registered at this moment. */
  emit(event: E): void {
    this.handlers.slice().forEach((handler) => {
      try {
        handler(event)
      } catch (error) {
        this.report(error)
      }
    })
  }
}
