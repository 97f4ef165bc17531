/** The screen's icons: 24 × 24, drawn for it. */

const SVG = "http://www.w3.org/2000/svg"

/** Path data; a stroke of 1.8 unless the icon is filled. */
const PATHS = {
  microphone: "M12 3.5a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3zM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v2.7M8.8 20.7h6.4",
  muted:
    "M9 9.2v2.3a3 3 0 0 0 4.8 2.4M15 10.6V6.5a3 3 0 0 0-5.9-.8M5.5 11.5a6.5 6.5 0 0 0 10.3 5.3M18.1 13.6c.3-.7.4-1.4.4-2.1M12 18v2.7M8.8 20.7h6.4M4 3.5l16 17",
  camera:
    "M4.8 6.8h8.4a2 2 0 0 1 2 2v6.4a2 2 0 0 1-2 2H4.8a2 2 0 0 1-2-2V8.800a2 2 0 0 1 2-2zM15.200 10.700l4.500-2.700a1 1 0 0 1 1.500.9v6.200a1 1 0 0 1-1.500.9l-4.500-2.700",
  cameraOff:
    "M9.500 6.800h3.700a2 2 0 0 1 2 2v3.700M15.200 15.200a2 2 0 0 1-2 2H4.800a2 2 0 0 1-2-2V8.800c0-.9.600-1.700 1.500-1.900M15.200 10.700l4.500-2.700a1 1 0 0 1 1.500.9v6.200a1 1 0 0 1-1.300.9M4 3.500l16 17",
  flip: "M4.500 8.500h3l1.600-2.300h5.800l1.600 2.300h3a1 1 0 0 1 1 1v8.300a1 1 0 0 1-1 1h-15a1 1 0 0 1-1-1V9.500a1 1 0 0 1 1-1zM8.700 13a3.400 3.400 0 0 1 6-1.700M15.300 14a3.400 3.400 0 0 1-6 1.700M14.900 9.600v1.900h-1.900M9.100 17.400v-1.900h1.900",
  devices: "M4 7.500h9M17 7.500h3M4 16.500h3M11 16.500h9M15 5.500v4M9 14.500v4",
  speaker: "M4 9.700v4.600h3.200l4.300 3.700V6L7.200 9.700H4zM15 9.200a4 4 0 0 1 0 5.600M17.600 6.600a7.600 7.600 0 0 1 0 10.800",
  warning: "M12 4.500l8.500 15h-17zM12 10v4.500M12 17v.3",
  close: "M6 6l12 12M18 6L6 18",
  signal: "M4.500 18.500v-2.500M9.500 18.500v-5.500M14.500 18.500V10M19.500 18.500V5.500",
}

/** Filled shapes. */
const FILLED = {
  phone:
    "M6.300 3.600c.5-.2 1 0 1.300.500l1.900 3.300c.3.500.2 1.100-.2 1.500L7.900 10.300c1.200 2.500 3.200 4.500 5.800 5.700l1.400-1.400c.4-.4 1-.5 1.500-.2l3.300 1.900c.5.3.700.800.500 1.300l-.7 2c-.3.800-1 1.300-1.800 1.200C10.300 20 4 13.700 3.200 6.100c-.1-.8.400-1.600 1.100-1.800z",
}

export type IconName = keyof typeof PATHS | keyof typeof FILLED

/** A new icon. Its button carries the name, so readers skip it. */
export function icon(name: IconName): SVGSVGElement {
  return name in FILLED ? drawn(FILLED[name as keyof typeof FILLED], true) : drawn(PATHS[name as keyof typeof PATHS], false)
}

/** The same for a path that is not of this screen. */
export function drawn(d: string, filled: boolean): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg")
  const path = document.createElementNS(SVG, "path")
  const attributes = filled
    ? { d, fill: "currentColor" }
    : { d, fill: "none", stroke: "currentColor", "stroke-width": "1.8", "stroke-linecap": "round", "stroke-linejoin": "round" }
  svg.setAttribute("viewBox", "0 0 24 24")
  svg.setAttribute("aria-hidden", "true")
  for (const [name, value] of Object.entries(attributes)) path.setAttribute(name, value)
  svg.append(path)
  return svg
}
