/** What is left of the old IM SDK: pages ask it who somebody is before they call. */

/** Who somebody is, as the old SDK says it. */
export interface Profile {
  userID: string
  nick: string
  avatar: string
}

/**
 * In place of the IM instance. It knows no names and no pictures of its own: everybody is found, under the userID.
 * Empty ones are nobody.
 */
export const TIM = {
  getUserProfile(parameters?: { userIDList?: unknown }): Promise<{ code: 0; data: Profile[] }> {
    const list = parameters && Array.isArray(parameters.userIDList) ? (parameters.userIDList as unknown[]) : []
    const known = list.filter((id) => id !== undefined && id !== null && id !== "").map(String)
    return Promise.resolve({ code: 0, data: known.map((userID) => ({ userID, nick: userID, avatar: "" })) })
  },
}
