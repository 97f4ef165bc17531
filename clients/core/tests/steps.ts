/** What happens in a 1:1 call, A calls B, step by step: what the server tells a user, and what the user does. */

import { settle, type User } from "./world.js"

export type Step = (user: User) => Promise<void>

export const tell =
  (event: object): Step =>
  (user) =>
    user.told({ callID: "c1", ...event })
export const does =
  (method: "accept" | "reject" | "hangup"): Step =>
  async (user) => {
    void user.client[method]()
    await settle()
    if (user.client.call !== null && method !== "hangup") user.server.ok(method)
    await settle()
  }
export const joined = (userID: string): Step => tell({ type: "joined", userID, microphone: true, camera: false })
export const ended = (reason: string, by?: string, durationS = 0): Step => tell({ type: "ended", reason, by, durationS })
