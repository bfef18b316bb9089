import type { RootId } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import { type Raw, textOf } from "../../core/raw.ts";
import { shortId } from "../../core/short_id.ts";

/** A file was not restored as it was backed up. */
export class NotRestorable extends Fault {
  readonly code = "not-restorable";
  readonly hint = "Look for damage with `backup-tool check --read-data`, then repair it with `backup-tool repair`";
  constructor(path: Raw, snapshot: RootId, why: string) {
    super(`Cannot restore ${JSON.stringify(textOf(path))} of the snapshot ${shortId(snapshot)} as it was: ${why}`);
  }
}
