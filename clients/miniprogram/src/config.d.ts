/** What a team writes into config.js. */

/** Origin or socket address of the Tring server. */
export const server: string

/** How the other side's stream is fetched; `rtmp` without it. */
export const player: "rtmp" | "flv" | undefined

/** CALL_END after every call, whatever else has told its end; false without it. */
export const strictCallEnd: boolean | undefined
