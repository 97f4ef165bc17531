/** Where what is tested is built. Each can be another one, by the variable that is named. */

import { fileURLToPath } from 'node:url'

/** @param {string} path from the project's root */
const built = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

/** The server. */
export const TRING = process.env.TRING_BIN ?? built('target/debug/tring')
/** The laboratory's program. */
export const TRING_LAB = process.env.TRING_LAB_BIN ?? built('target/debug/tring-lab')
/** The mini-program component's folder: what a user copies. */
export const COMPONENT = process.env.TRING_COMPONENT ?? built('clients/dist/miniprogram/components/TRTCCalling')
/** The mini-program demo, as a project of WeChat's developer tools. */
export const MINIPROGRAM_DEMO = built('clients/dist/miniprogram-demo')
