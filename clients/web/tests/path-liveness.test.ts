import assert from "node:assert/strict"
import { test } from "node:test"
import { BLIND_MS, DEAD_MS, SILENT_MS, UNCONFIRMED, PathLiveness, sampleOf, type PathSample, type Verdict } from "../src/media/path-liveness.js"

/** What a path does in a second. */
interface Flow {
  came: number
  sent: number
  checks: number
}

const TALK: Flow = { came: 60, sent: 60, checks: 0.4 }
const NOTHING: Flow = { came: 0, sent: 0, checks: 0 }

/** Phases of a call, each with its length, how often it is looked at, and the worst verdict that it must have. */
type Phase = [ms: number, flow: Partial<Flow>, worst: Verdict, everyMs?: number]

const RANK: Verdict[] = ["alive", "silent", "dead"]

function follow(phases: Phase[]): Verdict[] {
  const liveness = new PathLiveness()
  const total = { ...NOTHING }
  let now = 0
  return phases.map(([ms, flow, , every = 300]) => {
    let worst = 0
    for (const end = now + ms; now < end; ) {
      now += every
      for (const key of ["came", "sent", "checks"] as const) total[key] += ((flow[key] ?? 0) * every) / 1000
      const sample: PathSample = { pair: "a", came: Math.floor(total.came), sent: Math.floor(total.sent), checks: Math.floor(total.checks), roundTrip: 40 }
      worst = Math.max(worst, RANK.indexOf(liveness.look(sample, now)))
    }
    return RANK[worst]!
  })
}

const cases: Array<[what: string, phases: Phase[]]> = [
  ["talks", [[10_000, TALK, "alive"]]],
  [
    "talks, and the network goes",
    [
      [3000, TALK, "alive"],
      [SILENT_MS + 600, { sent: 60 }, "silent"],
    ],
  ],
  [
    "stays away",
    [
      [3000, TALK, "alive"],
      [10_000, { sent: 60, checks: 2 }, "dead"],
    ],
  ],
  [
    "is away for a moment",
    [
      [3000, TALK, "alive"],
      [600, { sent: 60 }, "alive"],
      [3000, TALK, "alive"],
    ],
  ],
  [
    "comes back",
    [
      [3000, TALK, "alive"],
      [2000, { sent: 60 }, "silent"],
      [300, TALK, "alive"],
      [5000, TALK, "alive"],
    ],
  ],
  [
    "only listens, and the network goes",
    [
      [3000, { came: 60 }, "alive"],
      [2000, { checks: 2 }, "silent"],
    ],
  ],
  [
    "only listens, and the other is muted",
    [
      [3000, { came: 60 }, "alive"],
      [6000, { sent: 1 }, "alive"],
    ],
  ],
  ["is muted, as the other is: checks and their answers", [[60_000, { came: 0.4, sent: 1, checks: 0.4 }, "alive"]]],
  [
    "is never asked, and never answered",
    [
      [3000, TALK, "alive"],
      [60_000, { sent: 1 }, "silent"],
    ],
  ],
  [
    "goes while its checks rest",
    [
      [3000, TALK, "alive"],
      [30_000, { sent: 60 }, "silent"],
    ],
  ],
  [
    "is looked at once a second",
    [
      [3000, TALK, "alive", 1000],
      [3000, { sent: 60 }, "silent", 1000],
    ],
  ],
  [
    "is looked at so rarely that nothing can be said",
    [
      [9000, TALK, "alive"],
      [60_000, { sent: 60 }, "alive", BLIND_MS + 1000],
    ],
  ],
]

for (const [what, phases] of cases) {
  test(`a path that ${what}`, () => {
    assert.deepEqual(
      follow(phases),
      phases.map(([, , worst]) => worst),
    )
  })
}

test("after a blind time everything begins anew", () => {
  const liveness = new PathLiveness()
  liveness.look({ pair: "a", came: 10, sent: 10, checks: 1, roundTrip: 0 }, 0)
  const later = BLIND_MS + 1
  assert.equal(liveness.look({ pair: "a", came: 10, sent: 500, checks: 9, roundTrip: 0 }, later), "alive")
  assert.equal(liveness.heard, later)
  assert.equal(liveness.look({ pair: "a", came: 10, sent: 500 + UNCONFIRMED, checks: 9, roundTrip: 0 }, later + SILENT_MS), "silent")
})

test("a check that was answered late is no sign of death", () => {
  const liveness = new PathLiveness()
  const look = (came: number, checks: number, now: number, roundTrip = 0) => liveness.look({ pair: "a", came, sent: 0, checks, roundTrip }, now)
  look(5, 1, 0)
  assert.equal(look(5, 2, 300), "alive", "it is under way")
  assert.equal(look(6, 2, 1200), "alive", "there it is")
  assert.equal(look(6, 2, 2400), "alive")
  assert.equal(look(6, 3, 4000), "alive", "the next one was only just sent")
  assert.equal(look(6, 3, 4000 + SILENT_MS), "dead")
  assert.ok(4000 + SILENT_MS - 1200 >= DEAD_MS)
})

test("on a long way a check is waited for as long as it takes", () => {
  const liveness = new PathLiveness()
  const look = (now: number) => liveness.look({ pair: "a", came: 5, sent: 0, checks: now > 0 ? 2 : 1, roundTrip: 1200 }, now)
  const verdicts = [0, 1500, 3000, 4500, 1500 + SILENT_MS + 2400].map(look)
  assert.deepEqual(verdicts, ["alive", "alive", "alive", "alive", "dead"])
})

test("another pair of addresses below the same path is a new beginning", () => {
  const liveness = new PathLiveness()
  liveness.look({ pair: "a", came: 100, sent: 100, checks: 9, roundTrip: 0 }, 0)
  assert.equal(liveness.look({ pair: "b", came: 100, sent: 130, checks: 9, roundTrip: 0 }, SILENT_MS), "alive")
  assert.equal(liveness.heard, SILENT_MS)
})

test("a report is the pair in use, with what the system refused to send", () => {
  const pair = { type: "candidate-pair", packetsReceived: 5, packetsSent: 7, packetsDiscardedOnSend: 2, requestsSent: 3, responsesReceived: 1 }
  const rows = [
    { ...pair, id: "a", nominated: true },
    { ...pair, id: "b", requestsSent: 9, currentRoundTripTime: 0.25 },
  ]
  assert.deepEqual(sampleOf([{ type: "transport", id: "t", selectedCandidatePairId: "b" }, ...rows]), {
    pair: "b",
    came: 6,
    sent: 9,
    checks: 9,
    roundTrip: 250,
  })
  assert.deepEqual(sampleOf(rows), { pair: "a", came: 6, sent: 9, checks: 3, roundTrip: 0 }, "a browser that names none")
  const uncounted = { type: "candidate-pair", id: "a", nominated: true, bytesReceived: 5 }
  assert.equal(sampleOf([uncounted]), null, "one that counts no packets")
  assert.equal(sampleOf([]), null)
})
