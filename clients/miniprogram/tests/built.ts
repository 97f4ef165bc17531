/** The component as it was built, and a `wx` of the test's own. */

import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

/** What is copied into an app. */
export const FOLDER = join(dirname(fileURLToPath(import.meta.url)), "../../../dist/miniprogram/components/TRTCCalling")

const require = createRequire(join(FOLDER, "from-tests.js"))

/** The exports of one of its modules. The caller says what they are. */
export function built<T>(path: string): T {
  return require(join(FOLDER, path)) as T
}

/** Sets the `wx` that the modules see from now on. */
export function setWx(wx: object): void {
  ;(globalThis as { wx?: object }).wx = wx
}
