/** Tells a developer of a mistake in the page. */

export function complain(text: string, error?: unknown): void {
  if (error === undefined) console.error(`[tring] ${text}`)
  else console.error(`[tring] ${text}`, error)
}
