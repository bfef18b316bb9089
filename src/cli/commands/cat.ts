/** backup-tool cat */
import { Buffer } from "node:buffer";
import type { Entry } from "../../core/entry.ts";
import { BadUsage, Fault } from "../../core/fault.ts";
import { textOf } from "../../core/raw.ts";
import { examples } from "../settings/options.ts";
import { placeNamed } from "../session/snapshot_place.ts";
import { jsonText } from "../output/terminal/escape_text.ts";
import type { Printer } from "../output/terminal/printer.ts";
import type { ContentReader } from "../../snapshot/repository.ts";
import type { Define } from "./command.ts";

export class NotAFile extends Fault {
  readonly code = "not-a-file";
  readonly hint = "Look at it with `backup-tool ls --long`";
  constructor(path: string, what: string) {
    super(`Cannot print ${JSON.stringify(path)}: it is ${what}`);
  }
}

export const defineCat: Define = (program, act) => {
  const command = program.command("cat")
    .summary("print a file of a snapshot")
    .description(
      "Print the bytes of a file in a snapshot. They are verified while they are read: if the exit status is not 0, " +
        "do not trust them. `--json` prints them in base64.",
    )
    .argument("<SNAPSHOT>", "which snapshot")
    .argument("[PATH]", "file in it, or as it was in the source")
    .addHelpText("after", examples("backup-tool cat latest /letters/mum.odt > mum.odt"));
  command.action((name: string, pathText: string | undefined) =>
    act(command, async (session) => {
      if (pathText === undefined && !name.includes(":/")) throw noFile();
      const repository = await session.openRepository();
      const { snapshot, path: asked } = await placeNamed(name, pathText, repository);
      if (asked === undefined) throw noFile();
      const manifest = await repository.manifest(snapshot.id);
      const [{ resolvePath }, { orLastSeen }] = await Promise.all([
        import("../../operations/browse/resolve_path.ts"),
        import("../../operations/browse/last_seen.ts"),
      ]);
      const path = await orLastSeen(repository, () => resolvePath(manifest, asked, snapshot));
      const entry = manifest.entry(path);
      if (entry === undefined) throw new NotAFile(textOf(path), "a directory");
      const { content, size } = entry;
      if (content === undefined) throw new NotAFile(textOf(path), describe(entry));
      await using reader = repository.reader({ workers: 0, signal: new AbortController().signal });
      reader.assertReads?.();
      const chunks = reader.read(content);
      if (session.options.json) await printJson({ path: textOf(path), content, size }, chunks, session.out);
      else for await (const chunk of chunks) session.out.bytes(chunk);
    }, { output: true })
  );
};

function noFile(): BadUsage {
  return new BadUsage("Missing required argument 'PATH'", "See `backup-tool help cat`");
}

function describe({ kind, problems }: Entry): string {
  if (kind === "file") return `a file that could not be read when it was backed up (${(problems ?? []).join("; ")})`;
  if (kind === "dir") return "a directory";
  return kind === "symlink" ? "a symbolic link" : "not a regular file";
}

/** Prints a content as JSON, in bounded memory. */
async function printJson(
  about: Readonly<Record<string, unknown>>,
  chunks: ReturnType<ContentReader["read"]>,
  out: Printer,
): Promise<void> {
  out.exact(`${jsonText(about).slice(0, -1)},"base64":"`);
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([rest, chunk]);
    const whole = bytes.length - bytes.length % 3; // base64 goes by threes
    out.exact(bytes.subarray(0, whole).toString("base64"));
    rest = bytes.subarray(whole);
  }
  out.exact(`${Buffer.from(rest).toString("base64")}"}\n`);
}
