/** Names that people give to entries of a snapshot. */
import { BadUsage } from "./fault.ts";
import { type Raw, rawOf } from "./raw.ts";

/** Parses the name of one entry as a person typed it. @throws BadUsage */
export function parseEntryName(text: string): Raw {
  if (text === "") throw new BadUsage("A name in the snapshot is empty", "Give one name without slashes");
  const name = rawOf(text);
  const isName = name !== "." && name !== ".." && !/[/\0]/.test(name);
  if (isName) return name;
  throw new BadUsage(`Cannot use ${JSON.stringify(text)} as a name in the snapshot`, "Give one name without slashes");
}
