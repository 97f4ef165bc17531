// Draws the call screen's icons, white on nothing, into assets/static: run it after a change, and commit the pictures.
// Needs Chromium and ffmpeg; the build does not.

import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { deflateSync } from "node:zlib"

const out = join(dirname(fileURLToPath(import.meta.url)), "../assets/static")

/** Pixels: 27 points at a density of 2 and a bit. */
const SIZE = 60

/** On 24 × 24: strokes of 1.8, or filled. */
const STROKES = {
  mic: "M12 3.5a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3zM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v2.7M8.8 20.7h6.4",
  "mic-off":
    "M9 9.2v2.3a3 3 0 0 0 4.8 2.4M15 10.6V6.5a3 3 0 0 0-5.9-.8M5.5 11.5a6.5 6.5 0 0 0 10.3 5.3M18.1 13.6c.3-.7.4-1.4.4-2.1M12 18v2.7M8.8 20.7h6.4M4 3.5l16 17",
  camera: "M4.8 6.8h8.4a2 2 0 0 1 2 2v6.4a2 2 0 0 1-2 2H4.8a2 2 0 0 1-2-2V8.8a2 2 0 0 1 2-2zM15.2 10.7l4.5-2.7a1 1 0 0 1 1.5.9v6.2a1 1 0 0 1-1.5.9l-4.5-2.7",
  "camera-off":
    "M9.5 6.8h3.7a2 2 0 0 1 2 2v3.7M15.2 15.2a2 2 0 0 1-2 2H4.8a2 2 0 0 1-2-2V8.8c0-.9.6-1.7 1.5-1.9M15.2 10.7l4.5-2.7a1 1 0 0 1 1.5.9v6.2a1 1 0 0 1-1.3.9M4 3.5l16 17",
  flip: "M4.5 8.5h3l1.6-2.3h5.8l1.6 2.3h3a1 1 0 0 1 1 1v8.3a1 1 0 0 1-1 1h-15a1 1 0 0 1-1-1V9.5a1 1 0 0 1 1-1zM8.7 13a3.4 3.4 0 0 1 6-1.7M15.3 14a3.4 3.4 0 0 1-6 1.7M14.9 9.6v1.9h-1.9M9.1 17.4v-1.9h1.9",
  speaker: "M4 9.7v4.6h3.2l4.3 3.7V6L7.2 9.7H4zM15 9.2a4 4 0 0 1 0 5.6M17.6 6.6a7.6 7.6 0 0 1 0 10.8",
  ear: "M7 9.2a5.2 5.2 0 0 1 10.4 0c0 3.6-3.4 4-3.4 7a3.200 3.200 0 0 1-6 1.600M9.600 9.400a2.600 2.600 0 0 1 5.200 0c0 1.700-1.600 2-2.200 3.400",
}
const FILLED = {
  phone:
    "M6.3 3.6c.5-.2 1 0 1.300.5l1.900 3.300c.3.500.2 1.100-.2 1.500L7.900 10.300c1.200 2.500 3.200 4.500 5.800 5.700l1.400-1.400c.4-.4 1-.5 1.500-.2l3.300 1.900c.5.300.7.800.5 1.300l-.7 2c-.3.800-1 1.300-1.800 1.200C10.300 20 4 13.700 3.200 6.100c-.1-.8.400-1.600 1.100-1.800z",
}

/** White in eight steps of transparency, four bits a pixel: the smallest PNG that still looks smooth. */
function packed(rgba) {
  const rows = []
  for (let y = 0; y < SIZE; y++) {
    const row = Buffer.alloc(1 + SIZE / 2)
    for (let x = 0; x < SIZE; x++) {
      const step = Math.round((rgba[(y * SIZE + x) * 4 + 3] * 7) / 255)
      row[1 + (x >> 1)] |= x % 2 ? step : step << 4
    }
    rows.push(row)
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(SIZE, 0)
  head.writeUInt32BE(SIZE, 4)
  head[8] = 4 // bits
  head[9] = 3 // by a palette
  const alphas = Array.from({ length: 8 }, (_, n) => Math.round((n * 255) / 7))
  const chunks = [
    ["IHDR", head],
    ["PLTE", Buffer.alloc(24, 255)],
    ["tRNS", Buffer.from(alphas)],
    ["IDAT", deflateSync(Buffer.concat(rows), { level: 9 })],
    ["IEND", Buffer.alloc(0)],
  ]
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), ...chunks.map(([type, data]) => chunk(type, data))])
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data])
  let crc = ~0
  for (const byte of body) {
    crc ^= byte
    for (let n = 0; n < 8; n++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  const sized = Buffer.alloc(4)
  sized.writeUInt32BE(data.length)
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(~crc >>> 0)
  return Buffer.concat([sized, body, sum])
}

const folder = mkdtempSync(join(tmpdir(), "icons-"))
const draw = (name, style, d) => {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${SIZE}" height="${SIZE}" viewBox="0 0 24 24"><path ${style} d="${d}"/></svg>`
  writeFileSync(join(folder, `${name}.html`), `<body style="margin:0;background:transparent">${svg}</body>`)
  const shot = join(folder, `${name}.png`)
  execFileSync(
    "chromium",
    [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--default-background-color=00000000",
      `--window-size=${SIZE},${SIZE}`,
      "--hide-scrollbars",
      `--screenshot=${shot}`,
      join(folder, `${name}.html`),
    ],
    { stdio: "ignore" },
  )
  const pixels = execFileSync("ffmpeg", ["-v", "error", "-i", shot, "-f", "rawvideo", "-pix_fmt", "rgba", "-"])
  writeFileSync(join(out, `${name}.png`), packed(pixels))
  console.log(`${name}.png: ${statSync(join(out, `${name}.png`)).size} bytes`)
}
for (const [name, d] of Object.entries(STROKES)) draw(name, 'fill="none" stroke="#fff" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"', d)
for (const [name, d] of Object.entries(FILLED)) draw(name, 'fill="#fff"', d)
rmSync(folder, { recursive: true })

// The ringtone: a rising chord, answered once, as in the browser.
const NOTES = [
  [587.3, 0],
  [740, 0.16],
  [880, 0.32],
  [1174.7, 0.48],
  [880, 0.9],
  [1174.7, 1.06],
]
const tone = NOTES.map(([hz, at]) => `if(gte(t,${at}),0.22*sin(2*PI*${hz}*(t-${at}))*exp(-5*(t-${at})),0)`).join("+")
execFileSync("ffmpeg", [
  "-v",
  "error",
  "-y",
  "-f",
  "lavfi",
  "-i",
  `aevalsrc='${tone}':s=16000:d=2.6`,
  "-c:a",
  "libmp3lame",
  "-b:a",
  "16k",
  "-ac",
  "1",
  "-map_metadata",
  "-1",
  "-id3v2_version",
  "0",
  "-write_xing",
  "0",
  "-bitexact",
  join(out, "ring.mp3"),
])
console.log(`ring.mp3: ${statSync(join(out, "ring.mp3")).size} bytes`)
