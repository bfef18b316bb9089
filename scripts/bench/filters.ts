/**
 * How long a million paths take against a hundred rules: deno run -A scripts/bench/filters.ts
 *
 * Prints the median of five runs for each kind of rules, and for a mixture of all.
 */
import type { Apath } from "../../src/core/apath.ts";
import { parseFilter } from "../../src/source/filter.ts";
import { median } from "./table.ts";

const PATHS = 1_000_000, RULES = 100, RUNS = 5;
const DIRECTORIES = [
  "home/me/photos/2026",
  "home/me/src/project/node_modules/lib/dist",
  "var/lib/data/shard",
  "usr/share/doc/package-name",
  "home/me/.config/app",
];
const ENDINGS = ["jpg", "ts", "txt", "html", "o", "log", "tmp", "gz"];

const MIXTURE: readonly ((i: number) => string)[] = [
  (i) => `name${i}/`,
  (i) => `*.ext${i}`,
  (i) => `/abs/path${i}`,
  (i) => `pre${i}*`,
  (i) => `**/x${i}/y`,
  (i) => `*~${i}`,
  (i) => `/home/*/d${i}`,
  (i) => `a/**/b${i}`,
  (i) => `[a-c]${i}?`,
  (i) => `!keep${i}`,
];

const KINDS: Readonly<Record<string, (i: number) => string>> = {
  "names": (i) => `name${i}/`,
  "endings": (i) => `*.ext${i}`,
  "stars in names": (i) => `cache-*-${i}`,
  "stars at both ends": (i) => `*foo*${i}`,
  "paths": (i) => `/home/*/dir${i}`,
  "any depth": (i) => `**/cache/**/v${i}*`,
  "one of them fits": (i) => i === RULES - 1 ? "file-*.tmp" : `*-${i}*.nope`,
  "mixed": (i) => MIXTURE[i % MIXTURE.length]!(i),
};

function path(i: number): Apath {
  return `/${DIRECTORIES[i % DIRECTORIES.length]}/sub${i % 1000}/file-${i}.${ENDINGS[i % ENDINGS.length]}` as Apath;
}

if (import.meta.main) {
  const paths = Array.from({ length: PATHS }, (_, i) => path(i));
  for (const [name, rule] of Object.entries(KINDS)) {
    const filter = parseFilter(Array.from({ length: RULES }, (_, i) => rule(i)));
    const times = Array.from({ length: RUNS }, () => {
      const start = performance.now();
      for (const one of paths) filter.decide(one, false);
      return performance.now() - start;
    });
    console.log(`${name.padEnd(20)} ${median(times).toFixed(0).padStart(5)} ms`);
  }
}
