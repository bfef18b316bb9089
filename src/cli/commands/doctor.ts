/** backup-tool doctor */
import { Fault } from "../../core/fault.ts";
import { joinRaw, rawOf } from "../../core/raw.ts";
import { pluralText } from "../../core/size_text.ts";
import { type FactGroup, valueText } from "../../operations/doctor/fact.ts";
import { hasScheme } from "../../operations/vaults/vault_settings.ts";
import { EXIT } from "../session/exit.ts";
import type { Session } from "../session/session.ts";
import { examples } from "../settings/options.ts";
import { absolutePath } from "../settings/paths.ts";
import type { Define } from "./command.ts";

interface DoctorOptions {
  readonly try?: boolean;
}

export const defineDoctor: Define = (program, act) => {
  const command = program.command("doctor")
    .summary("show what this machine and the storage can do, for bug reports")
    .description(
      "Show what this machine and the storage (or vault, or DIRECTORY) can do: versions, file system, free space and " +
        "inodes, clock, limits. No names of users, hosts or paths are shown, so that the output can be attached to a bug " +
        "report. Nothing is written, except with --try: that makes a temporary directory (in the storage's tmp/, while " +
        "holding its writer lock) to find out about links, locks, times, xattrs and ACLs, and deletes it again.",
    )
    .argument("[DIRECTORY]", "a directory to look at instead of the storage, such as one for a new storage")
    .option("--try", "try what the file system can do, in a temporary directory")
    .addHelpText(
      "after",
      examples(
        "backup-tool doctor",
        "backup-tool doctor -s /mnt/disk/storage --try --json",
        "backup-tool doctor --try /mnt/usb",
      ),
    );
  command.action((directory: string | undefined) =>
    act(command, async (session) => {
      const isTrying = command.opts<DoctorOptions>().try ?? false;
      const { machineFacts } = await import("../../operations/doctor/doctor.ts");
      const system = await session.world.facts(), groups = [machineFacts(system, session.world.clock)];
      const manner = { isTrying, isContainer: system.isContainer };
      try {
        if (directory !== undefined) groups.push(...await examineDirectory(session, directory, manner));
        else if ((session.options.storage ?? "") !== "") groups.push(...await examinePlace(session, manner));
        tell(session, groups, undefined);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        tell(session, groups, error);
        return EXIT.failed;
      }
    })
  );
};

interface Manner {
  readonly isTrying: boolean;
  readonly isContainer: boolean;
}

async function examineDirectory(
  session: Session,
  text: string,
  { isTrying, isContainer }: Manner,
): Promise<FactGroup[]> {
  const { fileSystemFacts } = await import("../../operations/doctor/doctor.ts");
  const { disk } = await session.machine(), path = absolutePath(session.world, text);
  using directory = disk.openDir(path);
  const facts = fileSystemFacts(directory, disk, isContainer);
  const group = { key: "directory", title: "The directory", facts } as const;
  return [group, ...(isTrying ? [await tryOut(session, { parent: path })] : [])];
}

async function examinePlace(session: Session, { isTrying, isContainer }: Manner): Promise<FactGroup[]> {
  const { storageFacts, vaultFacts, fileSystemFacts } = await import("../../operations/doctor/doctor.ts");
  const { place, world: { clock } } = session, isLocal = !hasScheme(place.location);
  if (await session.engine(place) === "storage") {
    const storage = await session.openStorage("be examined", place), group = storageFacts(storage, clock, isContainer);
    if (!isTrying) return [group];
    using _writer = storage.write("doctor");
    return [group, await tryOut(session, { parent: joinRaw(rawOf(place.location), rawOf("tmp")) })];
  }
  const { backend, access } = await session.unlock(place);
  const kind = isLocal ? "directory" : place.location.slice(0, place.location.indexOf(":"));
  const vault = await vaultFacts({ backend, encrypted: access.config.encrypted, kind }, clock);
  if (!isLocal) return [vault];
  const { disk } = await session.machine(), parent = rawOf(place.location);
  using directory = disk.openDir(parent);
  const group = { ...vault, facts: [...fileSystemFacts(directory, disk, isContainer), ...vault.facts] };
  return [group, ...(isTrying ? [await tryOut(session, { parent })] : [])];
}

async function tryOut(session: Session, { parent }: { readonly parent: ReturnType<typeof rawOf> }): Promise<FactGroup> {
  const { probe } = await import("../../operations/doctor/probe.ts");
  const { disk, random } = await session.machine();
  using directory = disk.openDir(parent);
  const name = rawOf(`backup-tool-probe-${random(8).toHex()}`);
  return { key: "tried", title: "Tried there", facts: probe(directory, name, disk) };
}

function tell(session: Session, groups: readonly FactGroup[], fault: Fault | undefined): void {
  const facts = groups.flatMap((group) => group.facts), concerns = facts.flatMap(({ concern }) => concern ?? []);
  const json = {
    ...Object.fromEntries(
      groups.map(({ key, facts }) => [key, Object.fromEntries(facts.map(({ key, value }) => [key, value]))]),
    ),
    concerns,
    error: fault?.code ?? null,
  };
  const failed = fault === undefined ? [] : ["", `Failed: ${fault.code}`];
  const summary = concerns.length === 0 ? "Nothing unusual" : `${pluralText(concerns.length, "concern")}:`;
  session.result(json, [
    ...groups.flatMap((group, i) => [...(i > 0 ? [""] : []), ...groupLines(group, session)]),
    ...failed,
    "",
    summary,
    ...concerns.map((concern) => `! ${concern}`),
  ]);
}

function groupLines({ title, facts }: FactGroup, session: Session): string[] {
  const width = Math.max(...facts.map(({ label }) => label.length));
  return [
    title,
    ...facts.map((fact) =>
      `${fact.concern ? "! " : "  "}${fact.label.padEnd(width)}  ${valueText(fact, session.sizeText)}`
    ),
  ];
}
