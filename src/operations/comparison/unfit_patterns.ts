/** Detects patterns that exclude nothing although somebody meant them to. */
import type { Monitor } from "../../core/monitor.ts";
import { isBelow, rawOf, sliceRaw, textOf } from "../../core/raw.ts";
import { parseFilter } from "../../source/filter.ts";
import { originOf, type SourceRoot } from "../../source/placement.ts";
import type { Exclusion } from "../../source/walk.ts";

export class UnfitPatterns {
  /**
   * Maps each pattern to the path that it would need to be, relative to its source ("": the source itself); undefined
   * if it isn't a path of one.
   */
  readonly #patterns = new Map<string, string | undefined>();

  /** @param excludes all patterns of a backup @param expected those that were typed for it */
  constructor(excludes: readonly string[], expected: readonly string[], roots: readonly SourceRoot[]) {
    for (const pattern of excludes) {
      const place = inSource(pattern, roots);
      if (place !== undefined) this.#patterns.set(pattern, place);
    }
    for (const pattern of expected) {
      const isMeant = excludes.includes(pattern) && !pattern.startsWith("!") && !parseFilter([pattern]).isEmpty;
      if (isMeant && !this.#patterns.has(pattern)) this.#patterns.set(pattern, undefined);
    }
  }

  /** True if excluded paths need no longer be recorded. */
  get isEmpty(): boolean {
    return this.#patterns.size === 0;
  }

  note({ rule }: Exclusion): void {
    if (rule.by === "pattern" && rule.decision.from === undefined) this.#patterns.delete(rule.decision.pattern);
  }

  /** Reports the remaining patterns at the end of a walk. */
  tell(monitor: Pick<Monitor, "notice">): void {
    for (const [pattern, place] of this.#patterns) {
      const hint = place === "" ? ": it is the source itself, and patterns begin there" : "";
      monitor.notice(`Nothing matches the pattern ${pattern}${hint}`);
    }
  }
}

/** "/Downloads" for "/home/me/Downloads", if /home/me is a source. */
function inSource(pattern: string, roots: readonly SourceRoot[]): string | undefined {
  const path = rawOf(pattern.replace(/\/+$/, ""));
  const root = roots.find((one) => originOf(one) !== "/" && (path === originOf(one) || isBelow(path, originOf(one))));
  return root && textOf(sliceRaw(path, originOf(root).length));
}
