/** The tables of docs/miniprogram, in both languages, say what pages are told: event by event, field by field. */

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"
import { GUIDE_EVENT, devicesOf, guideEvents, recordOf } from "@tring/core"
import type { Call, CallEvent, Sources } from "@tring/core"
import { FOLDER } from "./built.js"

const DOCS = join(FOLDER, "../../../../../docs")
const on: Sources = ["microphone", "camera"]
const off: Sources = []

const callOf = (role: Call["role"], connectedAt: number | null) =>
  ({
    callID: "c1",
    roomID: 7,
    phase: "connected",
    role,
    media: "video",
    platform: "MiniApp",
    self: role === "caller" ? "A" : "B",
    sponsor: "A",
    invitees: ["B"],
    isGroup: false,
    data: "",
    peers: [],
    devices: on,
    alerting: false,
    unreachable: false,
    unseen: [],
    connectedAt,
    switches: 0,
  }) as unknown as Call

const caller = callOf("caller", 0)
const ringing = callOf("callee", null)

/** Between them every event comes. */
const HAPPENED: CallEvent[] = [
  { type: "signed_in" },
  { type: "signed_out", reason: { kind: "kicked", reason: "signed_in_elsewhere" } } as CallEvent,
  { type: "invited", call: ringing },
  { type: "accepted", call: caller, userID: "B" },
  { type: "joined", call: caller, userID: "B", sources: on, devices: devicesOf(on) },
  { type: "peer_devices", call: caller, userID: "B", before: devicesOf(on), now: devicesOf(off), sources: off },
  { type: "switched", call: caller, userID: "B" },
  { type: "left", call: caller, userID: "B" },
  ...(["reject", "busy", "no_response", "timeout"] as const).map((reason): CallEvent => ({ type: "leg_ended", call: caller, userID: "B", reason })),
  { type: "ended", call: caller, reason: "hangup", by: "B", durationS: 1, from: "connected" },
  { type: "ended", call: ringing, reason: "cancel", by: "A", durationS: 0, from: "ringing" },
  { type: "ended", call: ringing, reason: "timeout", by: null, durationS: 0, from: "ringing" },
  { type: "hung_up" },
  { type: "network", call: caller, userID: "B", level: 5 },
  { type: "volumes", call: caller, levels: [{ userID: "B", volume: 1 }] },
  { type: "error", code: 1, message: "" },
]

/** The fields of each event's payload, as pages are told them. */
const told = new Map<string, string[]>()
for (const { name, payload } of HAPPENED.flatMap((event) => guideEvents(event, "element"))) {
  const fields = Object.keys(payload ?? {}).sort()
  assert.deepEqual(told.get(name) ?? fields, fields, `${name} is the same wherever it comes from`)
  told.set(name, fields)
}

const RECORDS = /^### (Records of calls|通话记录)$/m
const NOTHING = /^(nothing|无)$/

test("every event but the one of groups is looked at", () => {
  assert.deepEqual([...told.keys(), "GROUP_CALL_INVITEE_LIST_UPDATE"].sort(), Object.keys(GUIDE_EVENT).sort())
})

for (const language of ["", ".zh-CN"]) {
  const page = readFileSync(join(DOCS, `miniprogram${language}.md`), "utf8")

  test(`miniprogram${language}.md names the fields of each event's payload, no more and no fewer`, () => {
    const section = page.slice(page.search(/^### (Events|事件)$/m), page.search(RECORDS))
    const rows = [...section.matchAll(/^\| ([A-Z_]+) \| [^|]*\| ([^|]+) \|$/gm)]
    const documented = new Map(
      rows.map(([, name = "", text = ""]) => {
        // What is in brackets explains, and so does what comes after a full stop or a colon.
        const plain = text.replace(/\[([^\]]*)\]\(#[^)]*\)/g, "$1").split(/[.。:：]/)[0] ?? ""
        const list = plain.replace(/[(（][^)）]*[)）]/g, "")
        return [name, NOTHING.test(list.trim()) ? [] : [...list.matchAll(/`(\w+)`/g)].map(([, field = ""]) => field).sort()]
      }),
    )
    assert.deepEqual(Object.fromEntries([...documented].sort()), Object.fromEntries([...told].sort()))
    const invited = guideEvents({ type: "invited", call: ringing }, "element")[0]?.payload?.["inviteData"]
    assert.ok(page.includes(`\`{${Object.keys(invited as object).join(", ")}}\``))
  })

  test(`miniprogram${language}.md names the fields of a record, and the lines of all of them`, () => {
    const section = page.slice(page.search(RECORDS))
    const record = recordOf({ type: "placed", call: caller })
    assert.ok(record !== null)
    for (const field of [...Object.keys(record), "time", "payload.data", "payload.description", "payload.extension"])
      assert.ok(section.includes(`\`${field}\``), field)
    for (const line of ["发起通话", "已接听", "拒绝通话", "取消通话", "无应答", "结束通话，通话时长：", "切换为语音通话", "切换为视频通话"])
      assert.ok(section.includes(line), line)
  })
}
