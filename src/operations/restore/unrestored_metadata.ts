/** Metadata that could not be restored: reported once, at the end, however many objects it concerns. */
import type { Apath } from "../../core/apath.ts";
import { Fault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { textOf } from "../../core/raw.ts";
import type { MetadataLoss } from "../../core/restore_terms.ts";
import { pluralText } from "../../core/size_text.ts";

export class NotGivenBack extends Fault {
  readonly code = "not-given-back";
  readonly hint = "Restore as root to a disk that can hold it; `--no-owner` leaves owners and groups alone on purpose";
  constructor(what: string) {
    super(`Not restored: ${what}`);
  }
}

export class UnrestoredMetadata {
  readonly #found = new Map<MetadataLoss, { count: number; readonly first: Apath }>();

  add(path: Apath, losses: readonly MetadataLoss[]): void {
    for (const loss of losses) {
      const found = this.#found.get(loss);
      if (found === undefined) this.#found.set(loss, { count: 1, first: path });
      else found.count++;
    }
  }

  report(monitor: Monitor): void {
    if (this.#found.size === 0) return;
    const texts = [...this.#found].map(([loss, { count, first }]) => {
      const example = JSON.stringify(textOf(first));
      return `${loss} of ${count === 1 ? example : `${pluralText(count, "object")} such as ${example}`}`;
    });
    monitor.problem(new NotGivenBack(texts.join("; ")));
  }
}
