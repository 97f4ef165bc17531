/** Programs in TypeScript that use the built package, by its own name or by that of the old one. */

import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { fileURLToPath } from "node:url"

const CLIENTS = fileURLToPath(new URL("../../..", import.meta.url))

/** As a page of the old SDK is typed: default import, handlers declared apart, arguments that mean nothing here. */
const OLD_PAGE = `
import TRTCCalling, { type InvitedInfo, type UserAudioInfo, type UserInfo, type UserVideoInfo } from "trtc-calling-js"

const calling = new TRTCCalling({ SDKAppID: 1400000001, tim: {} })
const refused = ({ userID }: UserInfo): void => void userID.length
class Page {
  invited({ sponsor, userIDList, isFromGroup, inviteID, inviteData }: InvitedInfo): void {
    void calling.accept({ inviteID, roomID: inviteData.roomID, callType: inviteData.callType })
    void calling.reject({ inviteID, isBusy: true, callType: inviteData.callType })
    void [sponsor.length, userIDList.length, isFromGroup === true]
  }
  audio({ userID, isAudioAvailable }: UserAudioInfo): void {
    void [userID.length, isAudioAvailable === true]
  }
  video({ userID, isVideoAvailable }: UserVideoInfo): void {
    void [userID.length, isVideoAvailable === true]
  }
  failed(error: any): void {
    void error.msg
  }
}
const page = new Page()
const { EVENT, CALL_TYPE } = TRTCCalling
calling.on(EVENT.INVITED, page.invited, page)
calling.on(EVENT.USER_AUDIO_AVAILABLE, page.audio, page)
calling.on(EVENT.USER_VIDEO_AVAILABLE, page.video, page)
calling.on(EVENT.ERROR, page.failed, page)
for (const event of [EVENT.REJECT, EVENT.LINE_BUSY, EVENT.NO_RESP, EVENT.USER_ENTER, EVENT.USER_LEAVE] as const) calling.on(event, refused)
calling.on("onInvited", ({ inviteID }) => void inviteID.length)
calling.on(EVENT.SDK_NOT_READY, () => {})
calling.off(EVENT.INVITED, page.invited, page)
void calling.call({ userID: "bob", type: CALL_TYPE.VIDEO_CALL, timeout: 30, offlinePushInfo: { title: "call" } })
void calling.groupCall({ userIDList: ["bob", "carol"], type: CALL_TYPE.AUDIO_CALL, groupID: "g" })
const type: 0 | 1 | 2 = calling.getCallType()
void type

// What is wrong is found.
// @ts-expect-error the payload has no such field
calling.on(EVENT.INVITED, ({ sponser }) => void sponser)
// @ts-expect-error 3 is no type of a call
void calling.call({ userID: "bob", type: 3 })
`

const NEW_PAGE = `
import { CallError, TRTCCalling, type CallEndInfo, type VideoQuality } from "trtc-calling-js"
import { errorText, type CallEvent, type TRTCCallingElement } from "trtc-calling-js/define"

const calling: TRTCCalling = new TRTCCalling({ SDKAppID: 1400000001, server: "https://calls.example.com" })
const quality: VideoQuality = calling.getVideoQuality()
calling.on(TRTCCalling.EVENT.CALL_END, ({ callEnd, reason }: CallEndInfo) => void [callEnd.toFixed(), reason === "hangup", quality])
calling.login({ userID: "alice", userSig: "…" }).catch((error: CallError) => errorText(error.code, "en", error.message))

const element: TRTCCallingElement | null = document.querySelector("trtc-calling")
element?.observe((event: CallEvent) => void (event.type === "ended" && event.durationS))
element?.currentCall?.peers.map(({ userID }) => userID)
`

const DOCS = ["web.md", "web.zh-CN.md"].map((name) => readFileSync(join(CLIENTS, "../docs", name), "utf8"))

/** Compiles a program that has the package under the old one's name. */
function compile(text: string, options: object): string {
  const folder = mkdtempSync(join(tmpdir(), "tring-types-"))
  try {
    mkdirSync(join(folder, "node_modules"))
    symlinkSync(CLIENTS, join(folder, "node_modules/trtc-calling-js"))
    writeFileSync(join(folder, "page.ts"), text)
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }')
    const compilerOptions = { strict: true, noEmit: true, target: "es2020", lib: ["es2020", "dom"], types: [], ...options }
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["page.ts"] }))
    const tsc = join(CLIENTS, "node_modules/typescript/bin/tsc")
    const { stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" })
    return stdout + stderr
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const BUNDLER = { module: "esnext", moduleResolution: "bundler" }
const NODE = { module: "nodenext", moduleResolution: "nodenext" }
/** As in older projects, which know no `exports`, and so no `/define`. */
const OLD = { module: "esnext", moduleResolution: "node" }

test("a page of the old SDK in TypeScript compiles, whatever way its modules are found", () => {
  for (const options of [BUNDLER, NODE, OLD]) assert.equal(compile(OLD_PAGE, options), "", JSON.stringify(options))
})

test("named imports, the element and what observe() tells are typed", () => {
  for (const options of [BUNDLER, NODE]) assert.equal(compile(NEW_PAGE, options), "", JSON.stringify(options))
})

test("a mistake would be found by this test", () => {
  assert.match(compile("import { TRTCCaling } from 'trtc-calling-js'\n", BUNDLER), /error TS/)
})

test("the TypeScript of the docs compiles", () => {
  for (const text of DOCS) {
    const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, block]) => block!)
    assert.equal(blocks.length, 1)
    for (const block of blocks) assert.equal(compile(block, BUNDLER), "")
  }
})
