/** Snapshots in the catalog, validated when they are read, because the file may contain anything. */
import type { Row } from "./database.ts";
import { CatalogFault } from "./faults.ts";
import { knownRootId } from "../core/content_id.ts";
import { FieldReader } from "../core/fields.ts";
import { BadJson, fieldsOf, parseJson } from "../core/json.ts";
import { alarmOf, changeOf, treeNameOrNone } from "../snapshot/root.ts";
import type { SnapshotInfo } from "../snapshot/snapshot_info.ts";

const MOST_OFFSET_MINUTES = 24 * 60;

/** Converts a row. @param row sequence, id and info of a snapshot @throws CatalogFault */
export function snapshotInfoOf({ sequence, id, info }: Row): SnapshotInfo {
  const fields = parsed(info), read = new FieldReader(fields, bad);
  if (typeof id !== "string" || fields["id"] !== id) throw bad(`its "id" is another`);
  return {
    id: knownRootId(id),
    sequence: readSequence(sequence),
    time: read.time("time"),
    end: read.time("end"),
    offsetMinutes: read.integer("offsetMinutes", [-MOST_OFFSET_MINUTES, MOST_OFFSET_MINUTES]),
    tree: fields["tree"] === null ? null : read.judged("tree", "name of a tree", treeNameOrNone),
    host: read.text("host"),
    user: read.text("user"),
    name: read.text("name"),
    ...(read.has("named") && { named: read.flag("named") }),
    sources: read.texts("sources"),
    tags: read.texts("tags"),
    ...(read.has("description") && { description: read.text("description") }),
    entries: read.count("entries"),
    files: read.count("files"),
    bytes: read.count("bytes"),
    problems: read.count("problems"),
    complete: read.flag("complete"),
    ...(read.has("change") && { change: changeOf(read.section("change")) }),
    ...(read.has("alarm") && { alarm: alarmOf(read.section("alarm")) }),
  };
}

function bad(why: string): CatalogFault {
  return new CatalogFault(`a snapshot in it is damaged: ${why}`);
}

function parsed(info: unknown): Readonly<Record<string, unknown>> {
  if (typeof info !== "string") throw bad("it has no text");
  try {
    return fieldsOf(parseJson(info));
  } catch (error) {
    if (error instanceof BadJson) throw bad(error.message);
    throw error;
  }
}

function readSequence(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw bad(`its "sequence" is no number`);
}
