/** backup-tool salvage */
import { textOf } from "../../core/raw.ts";
import { shortId } from "../../core/short_id.ts";
import { countText, pluralText } from "../../core/size_text.ts";
import { localTimeText } from "../../core/time_text.ts";
import type { SalvagedStorage } from "../../operations/salvage/into_storage.ts";
import type { SalvageResult } from "../../operations/salvage/salvage.ts";
import { secretFor } from "../../operations/vaults/login.ts";
import type { Secret } from "../../vault/access.ts";
import { EXIT } from "../session/exit.ts";
import type { Session } from "../session/session.ts";
import { examples, workersOption } from "../settings/options.ts";
import { absolutePath } from "../settings/paths.ts";
import { placeOf } from "../session/place.ts";
import { BadUsage, Fault } from "../../core/fault.ts";
import type { Define } from "./command.ts";

interface SalvageOptions {
  readonly target?: string;
  readonly asStorage?: boolean;
  readonly workers?: number;
}

export const defineSalvage: Define = (program, act) => {
  const command = program.command("salvage")
    .summary("extract files from a damaged vault")
    .description(
      "Extract files from any units of a vault: truncated, damaged, some of them lost, without index, snapshots and keys. " +
        "Files get their names; lost parts of a file become zeros, and the file is called NAME~damaged. You need the " +
        "key (--key-file, or the printed one typed into a file), or the passphrase if keys/ still exists. The exit " +
        "status is 3 if anything could not be read.",
    )
    .argument("<PATH...>", "units, and directories that contain units at any depth")
    .option("--target <DIR>", "target directory; existing files are not replaced")
    .option("--as-storage", "create a storage with the snapshots that can be found")
    .addOption(workersOption())
    .addHelpText(
      "after",
      examples(
        "backup-tool salvage /mnt/usb/vault --target ~/salvaged --key-file paper.txt",
        "backup-tool salvage lost+found --target /mnt/new/storage --as-storage",
      ),
    );
  command.action((paths: readonly string[]) =>
    act(command, async (session) => {
      const { target, asStorage = false, workers } = command.opts<SalvageOptions>(), { world } = session;
      if (target === undefined) {
        throw new BadUsage("Nothing says where to write", "Name a new directory with `--target`");
      }
      const { salvageHeap } = await import("../../operations/salvage/salvage.ts");
      const result = await salvageHeap(await session.ownMachine(), {
        heap: paths.map((path) => absolutePath(world, path)),
        target: absolutePath(world, target),
        secret: await secretOf(session),
        asStorage,
        host: world.host(),
        user: world.user(),
        workers: session.workers(workers),
        signal: session.signal,
      }, session.monitor);
      if (session.options.json) session.out.json(resultJson(result));
      else for (const line of resultLines(result, session)) session.out.line(line);
      return isWhole(result) ? EXIT.done : EXIT.someFailed;
    }, { hooks: true })
  );
};

/** The secret for the units. @throws BadUsage if none was given, and there is no user to ask */
async function secretOf({ options, world, loaded, secrets, signal }: Session): Promise<Secret> {
  const { settings } = placeOf(".", options, { world, loaded });
  try {
    if (settings.encrypted === false) return { kind: "unencrypted" };
    return (await secretFor(settings, { location: "the units", encrypted: true }, secrets, signal)).secret;
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "no-key") throw error;
    throw new BadUsage(
      "Nothing that was given opens the units",
      "Give `--key-file` or a passphrase; or `--unencrypted`, if the vault was not encrypted",
    );
  }
}

function isWhole({ units, damaged, leftInParts, unwritten, storage }: SalvageResult): boolean {
  const isLost = units.some(({ condition }) => condition === "damaged" || condition === "unreadable");
  const lacks = storage?.snapshots.some((one) => one.missingFiles + one.missingEntries > 0) ?? false;
  return !isLost && !lacks && damaged.length + leftInParts.length + unwritten.length === 0;
}

function resultJson(
  { units, files, bytes, believedFiles, damaged, joined, leftInParts, unwritten, storage }: SalvageResult,
) {
  return {
    units,
    files,
    bytes,
    believedFiles,
    damaged: damaged.map(({ name, missing }) => ({ name: textOf(name), missing })),
    joined: joined.map(textOf),
    leftInParts: leftInParts.map(textOf),
    unwritten: unwritten.map(({ name, fault }) => ({ name: textOf(name), why: fault.message })),
    storage: storage ?? null,
  };
}

/** Lines for the result. Losses are results, so `--quiet` shows them too. */
function resultLines(result: SalvageResult, session: Session): string[] {
  const { units, damaged, leftInParts, unwritten, storage } = result;
  const lost = [
    ...units.filter(({ condition }) => condition === "unreadable").map(({ path, reason }) =>
      `unreadable: ${path}: ${reason}`
    ),
    ...units.filter(({ condition }) => condition === "damaged")
      .map(({ path, lostBytes }) => `damaged: ${path}: ${session.sizeText(lostBytes)} of it are lost`),
    ...damaged.map(({ name, missing }) => `with gaps: ${textOf(name)}: ${gapsText(missing)}`),
    ...leftInParts.map((name) => `in parts: ${textOf(name)}: some of it is lost`),
    ...unwritten.map(({ name, fault }) => `not written: ${textOf(name)}: ${fault.message}`),
    ...(storage === undefined ? [] : storageLines(storage)),
  ];
  return session.options.quiet ? lost : [...lost, summaryText(result, session)];
}

const SHOWN_GAPS = 3;

function gapsText(missing: readonly { readonly from: number; readonly length: number }[]): string {
  if (missing.length === 0) return "some of its bytes are wrong, and nobody knows which";
  const shown = missing.slice(0, SHOWN_GAPS).map(({ from, length }) =>
    `${countText(length)} bytes from ${countText(from)} on`
  );
  return `${shown.join(", ")}${missing.length > SHOWN_GAPS ? " and more" : ""} are lost`;
}

function storageLines({ snapshots, emptyRoots, otherSnapshot, otherFiles }: SalvagedStorage): string[] {
  return [
    ...snapshots.map((one) => {
      const at = Date.parse(one.time);
      const lacks = one.missingFiles + one.missingEntries;
      const what = lacks === 0
        ? "whole"
        : `${pluralText(one.missingFiles, "file")} and ${pluralText(one.missingEntries, "entry", "entries")} are lost`;
      return `snapshot ${shortId(one.id)}  ${localTimeText(at, 0)}  ${one.host}:${one.name}: ${what}${
        one.isCopy ? "; it may have been forgotten, or never finished" : ""
      }`;
    }),
    ...emptyRoots.map((id) => `snapshot ${shortId(id)}: nothing of its list of files is left`),
    ...(otherSnapshot === undefined
      ? []
      : [`snapshot ${shortId(otherSnapshot)}: ${pluralText(otherFiles, "file")} that belong to no other`]),
  ];
}

function summaryText({ units, files, bytes, believedFiles }: SalvageResult, session: Session): string {
  const readable = units.filter(({ condition }) => condition === "whole" || condition === "damaged").length;
  const believed = believedFiles === 0
    ? ""
    : `; for ${countText(believedFiles)} of them nothing but their form vouches`;
  return `Salvaged ${pluralText(files, "whole file")} (${session.sizeText(bytes)}) out of ${
    pluralText(readable, "unit")
  }${believed}`;
}
