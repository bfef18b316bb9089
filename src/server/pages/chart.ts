/** The growth of a storage as a chart that the server draws, with its numbers in a table for those who can't see it. */
import { type Html, markup } from "./markup.ts";
import { type Seen, table, timeOf } from "./page.ts";
import { sizeText } from "../../core/size_text.ts";

const WIDTH = 800, HEIGHT = 240, LEFT = 110, RIGHT = 16, TOP = 14, BOTTOM = 34;
const MOST_POINTS = 200, MOST_ROWS = 12;

interface Growth {
  readonly snapshots: readonly { readonly time: string; readonly newBytes: number }[];
}

interface Point {
  readonly time: string;
  readonly bytes: number;
}

/** The chart for snapshots, oldest first, each with the bytes that it has added. */
export function growthChart(seen: Seen, { snapshots }: Growth): Html {
  const points = thinned(pointsOf(snapshots), MOST_POINTS), [first] = points, last = points.at(-1);
  if (first === undefined || last === undefined || points.length < 2) {
    return markup`<p class="soft">There is a chart from the second snapshot on.</p>`;
  }
  const from = Date.parse(first.time), span = Math.max(1, Date.parse(last.time) - from);
  const most = Math.max(1, ...points.map(({ bytes }) => bytes)) * 1.1;
  const x = ({ time }: Point) => Math.round(LEFT + (Date.parse(time) - from) / span * (WIDTH - LEFT - RIGHT));
  const y = (bytes: number) => Math.round(HEIGHT - BOTTOM - bytes / most * (HEIGHT - TOP - BOTTOM));
  // What is stored stays as it is until the next snapshot adds to it.
  const line = points.map((point, i) => `${i === 0 ? "M" : "H"}${x(point)}${i === 0 ? " " : "V"}${y(point.bytes)}`)
    .join("");
  const rows = thinned(points, MOST_ROWS).map((point) => [timeOf(seen, point.time), sizeText(point.bytes)]);
  return markup`
    <div class="card">
      <svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"
        aria-label="${`Stored: from ${sizeText(first.bytes)} to ${sizeText(last.bytes)}`}">${
    [0, most / 2, most].map((
      bytes,
    ) =>
      markup`
            <line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(bytes)}" y2="${y(bytes)}" />
            <text x="${LEFT - 8}" y="${y(bytes) + 4}" text-anchor="end">${sizeText(Math.round(bytes))}</text>
          `
    )
  }<path class="area" d="${line}V${y(0)}H${LEFT}Z"/><path class="line" d="${line}"/>
    <text x="${LEFT}" y="${HEIGHT - 10}">${first.time.slice(0, 10)}</text>
    <text x="${WIDTH - RIGHT}" y="${HEIGHT - 10}" text-anchor="end">${last.time.slice(0, 10)}</text></svg>
      <details><summary>As a table</summary>${
    table(
      "Growth",
      [{ name: "Until" }, { name: "Stored", right: true }],
      rows,
    )
  }</details>
    </div>
  `;
}

function pointsOf(snapshots: Growth["snapshots"]): Point[] {
  let bytes = 0;
  return snapshots.map(({ time, newBytes }) => ({ time, bytes: bytes += newBytes }));
}

/** At most about `most` points: the first, the last, and some in between. */
function thinned(points: readonly Point[], most: number): Point[] {
  const step = Math.max(1, Math.ceil(points.length / most));
  return points.filter((_, i) => i % step === 0 || i === points.length - 1);
}
