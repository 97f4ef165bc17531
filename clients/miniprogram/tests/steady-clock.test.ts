/** The clock of a phone whose time of day somebody sets, whose timers are late, and which stands still for a while. */

import assert from "node:assert/strict"
import { test } from "node:test"
import { LATE_MS, TICK_MS, steadyClock } from "../src/lib/steady-clock.js"

/** A phone. `time` is what has really passed, ms; nobody on it can see it. */
class Phone {
  time = 0
  /** What its own clock shows more than that. */
  ahead = 1_700_000_000_000
  /** Longest lateness of its timers. */
  late = 0
  private timers: Array<{ at: number; fire: () => void }> = []
  private readonly clock: () => number

  constructor(
    private readonly random: () => number = () => 0,
    read?: (phone: Phone) => number,
  ) {
    this.clock = steadyClock(
      () => (read === undefined ? this.time + this.ahead : read(this)),
      (fire, ms) => void this.timers.push({ at: this.time + ms + Math.floor(this.late * this.random()), fire }),
    )
    this.clock()
  }

  now(): number {
    return this.clock()
  }

  /** What its clock is wrong by: positive, too much. */
  get error(): number {
    return this.now() - this.time
  }

  pass(ms: number): void {
    const until = this.time + ms
    for (;;) {
      const [next] = this.timers.filter((t) => t.at <= until).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      this.timers = this.timers.filter((t) => t !== next)
      this.time = Math.max(this.time, next.at)
      next.fire()
    }
    this.time = until
  }

  /** Nothing runs for so long. What was due meanwhile fires afterwards. */
  standStill(ms: number): void {
    this.time += ms
    this.pass(0)
  }
}

/** Numbers from 0 to 1, the same for each seed. */
function dice(seed: number): () => number {
  let state = seed * 2_654_435_761
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

test("nobody sets it: it is exact, between two timers as well", () => {
  const phone = new Phone(dice(1))
  phone.late = 40
  for (let n = 0; n < 5000; n++) {
    phone.pass(137)
    assert.equal(phone.error, 0)
  }
})

for (const [what, set] of [
  ["back by 120 s", -120_000],
  ["back by 2 s", -2000],
  ["forward by 2 s", 2000],
  ["forward by 600 s", 600_000],
] as const) {
  test(`it is put ${what} three seconds after a call was answered: four seconds later they have talked for seven`, () => {
    const phone = new Phone()
    phone.pass(400)
    const answered = phone.now()
    phone.pass(3000)
    phone.ahead += set
    phone.pass(4000)
    assert.equal(phone.now() - answered, 7000)
    phone.pass(600_000)
    assert.equal(phone.now() - answered, 607_000)
  })

  test(`it is put ${what} while something is measured that takes 50 ms: nearly nothing is measured, not minutes`, () => {
    for (let begins = 0; begins < 2 * TICK_MS; begins += 10) {
      const phone = new Phone()
      phone.pass(begins)
      const before = phone.now()
      phone.pass(20)
      phone.ahead += set
      phone.pass(30)
      const measured = phone.now() - before
      assert.ok(measured >= 0 && measured <= 50, `${measured} ms from ${begins} ms on`)
    }
  })
}

test("however often and far it is set, it goes forward, and is right but for the little that cannot be told from a late timer", () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = dice(seed)
    const phone = new Phone(random)
    phone.late = 30
    let [sets, last] = [0, 0]
    for (let n = 0; n < 400; n++) {
      phone.pass(Math.floor(random() * 700))
      if (random() < 0.1) {
        const far = Math.pow(10, 1 + 7 * random())
        phone.ahead += Math.floor(random() < 0.5 ? far : -far)
        sets++
      }
      const now = phone.now()
      const where = `seed ${seed}, step ${n}: ${now} after ${phone.time} ms, set ${sets} times`
      assert.ok(now >= last, where)
      // Each time a bit remains at most, and until the next timer what it shows may be held, or be too much.
      assert.ok(Math.abs(now - phone.time) <= (sets + 1) * (LATE_MS + phone.late) + TICK_MS, where)
      last = now
    }
  }
})

test("what it says in one second never follows a clock that is set in it", () => {
  for (let set = -5000; set <= 5000; set += 50) {
    const phone = new Phone()
    phone.pass(2500)
    phone.ahead += set
    phone.pass(3000)
    assert.ok(Math.abs(phone.error) <= LATE_MS, `set by ${set} ms, wrong by ${phone.error} ms`)
  }
})

test("it stands still: what was due meanwhile counts at once, and the rest when the next long timer is due", () => {
  for (const still of [3000, 20_000, 45_000, 100_000]) {
    const phone = new Phone()
    phone.pass(10_000)
    phone.standStill(still)
    assert.ok(phone.error <= 0 && phone.error >= -still, `${phone.error} ms after ${still} ms`)
    phone.pass(512_000)
    assert.ok(Math.abs(phone.error) <= LATE_MS, `${phone.error} ms after ${still} ms and eight minutes`)
  }
})

test("timers that are always late do not add up to more than seconds", () => {
  const phone = new Phone(() => 1)
  phone.late = 2 * LATE_MS
  for (let n = 0; n < 600; n++) {
    phone.pass(1000)
    assert.ok(phone.error <= 0 && phone.error > -12_000, `${phone.error} ms after ${phone.time} ms`)
  }
})

test("a source in another unit, or that gives nothing, costs exactness between two timers, and no more", () => {
  for (const read of [(p: Phone) => p.time * 1000, (p: Phone) => p.time / 1000, () => NaN, () => 0, () => Infinity]) {
    const phone = new Phone(() => 0, read)
    for (let n = 0; n < 2000; n++) {
      phone.pass(173)
      assert.ok(Math.abs(phone.error) <= TICK_MS + LATE_MS, `${phone.error} ms after ${phone.time} ms of ${String(read)}`)
    }
  }
})
