/** What a team writes into config.js. */

/** Origin or socket address of the Tring server. */
export const server: string

/** How the other side's stream is fetched; `rtmp` without it. */
export const player: "rtmp" | "flv" | undefined
