/**
 * A drill: some randomly chosen files of each series are restored into a temporary directory, by the same steps as in a
 * real restore, and compared with what was backed up, and with the source if it is unchanged. The outcome is
 * remembered.
 */
import type { RootId } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import { countingProblems, type Monitor } from "../../core/monitor.ts";
import { joinRaw, type Raw, raw, rawOf } from "../../core/raw.ts";
import { groupedBySeries } from "../../core/series.ts";
import type { WorkOptions } from "../../core/work.ts";
import { Yielder } from "../../core/yielding.ts";
import { DiskFault } from "../../platform/disk.ts";
import { tryToRemove } from "../../platform/remove_recursively.ts";
import { DamagedManifest } from "../../snapshot/entry_line.ts";
import { DamagedContent, NoSnapshot } from "../../snapshot/faults.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { OpenedRepository } from "../opened.ts";
import { restore } from "../restore/restore.ts";
import { drillKey, type DrillNote, readDrillNotes, writeDrillNotes } from "./drill_notes.ts";
import { NotRestorable } from "./faults.ts";
import { livePath, Prover } from "./proof.ts";
import { type Chance, chanceFrom, type SampledFile, sampleOf } from "./sample.ts";

export interface DrillRequest extends WorkOptions {
  /** Limit on the restored bytes of all series together. */
  readonly bytes: number;
  /** Absolute path of a directory on this machine, in which a temporary one is created, and removed again. */
  readonly temp: Raw;
  /** Name of this machine: only its own files are compared with the source. */
  readonly host: string;
  /** Restricts the drill to series of that name. */
  readonly name?: string;
}

/** "untested": the series has no files, or none that is small enough. */
export type DrillOutcome = "proven" | "failed" | "untested";

export interface SeriesDrill {
  readonly host: string;
  readonly name: string;
  readonly sources: readonly string[];
  /** The newest snapshot, and a randomly chosen older one. */
  readonly snapshots: readonly RootId[];
  readonly outcome: DrillOutcome;
  /** Number of files that were restored correctly, and their size. */
  readonly files: number;
  readonly bytes: number;
  /** Number of these files that are unchanged in the source, and were compared with it. */
  readonly compared: number;
  /** Number of failed files, each of which was reported as a problem. */
  readonly failed: number;
}

export interface DrillResult {
  readonly series: readonly SeriesDrill[];
  readonly files: number;
  readonly bytes: number;
  readonly failed: number;
}

/**
 * Runs a drill.
 * @throws Interrupted, WriteOnlyKey, DiskFault of the temporary directory, and failures that prevent any reading
 */
export async function drill(
  repository: OpenedRepository,
  request: DrillRequest,
  monitor: Monitor,
): Promise<DrillResult> {
  const { machine: { disk, random } } = repository, chance = chanceFrom(random);
  const all = (await repository.snapshots()).filter(({ complete }) => complete);
  const series = groupedBySeries(all).filter(([first]) => request.name === undefined || first?.name === request.name);
  const chosen = series.map((members) => chosenOf(members, chance));
  using parent = disk.openDir(request.temp);
  const name = rawOf(`backup-tool-drill-${hexOf(random(8))}`);
  if (!parent.mkdir(name, 0o700)) throw new DiskFault("EEXIST", "create", joinRaw(parent.path, name));
  const run = new DrillRun(repository, request, { monitor, temp: joinRaw(parent.path, name), chance });
  try {
    const drills = await run.make(chosen);
    return { series: drills, ...sumOf(drills) };
  } finally {
    const stays = tryToRemove(parent, name);
    if (stays !== undefined) monitor.problem(stays);
  }
}

/** The newest, and one of those before it. */
function chosenOf(members: readonly SnapshotInfo[], chance: Chance): readonly SnapshotInfo[] {
  const newest = members.at(-1), older = members.slice(0, -1);
  return [newest, older[older.length === 0 ? 0 : chance(older.length)]].filter((each) => each !== undefined);
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function sumOf(drills: readonly SeriesDrill[]): Pick<DrillResult, "files" | "bytes" | "failed"> {
  const sum = (field: "files" | "bytes" | "failed") => drills.reduce((total, each) => total + each[field], 0);
  return { files: sum("files"), bytes: sum("bytes"), failed: sum("failed") };
}

interface Tally {
  files: number;
  bytes: number;
  compared: number;
  failed: number;
}

class DrillRun {
  readonly #repository: OpenedRepository;
  readonly #request: DrillRequest;
  readonly #monitor: Monitor;
  readonly #temp: Raw;
  readonly #chance: Chance;
  readonly #pace: Yielder;
  readonly #prover: Prover;
  #left: number;

  constructor(
    repository: OpenedRepository,
    request: DrillRequest,
    { monitor, temp, chance }: { readonly monitor: Monitor; readonly temp: Raw; readonly chance: Chance },
  ) {
    const { machine: { clock, disk }, algorithm } = repository;
    this.#repository = repository;
    this.#request = request;
    this.#monitor = monitor;
    this.#temp = temp;
    this.#chance = chance;
    this.#pace = new Yielder(clock, request.signal);
    this.#prover = new Prover(disk, algorithm);
    this.#left = request.bytes;
  }

  async make(series: readonly (readonly SnapshotInfo[])[]): Promise<SeriesDrill[]> {
    const drills: SeriesDrill[] = [];
    let snapshotsLeft = series.reduce((sum, { length }) => sum + length, 0);
    for (const snapshots of series) {
      const tally = { files: 0, bytes: 0, compared: 0, failed: 0 };
      for (const snapshot of snapshots) await this.#drill(snapshot, Math.floor(this.#left / snapshotsLeft--), tally);
      const [{ host, name, sources }] = snapshots as [SnapshotInfo];
      const outcome = tally.failed > 0 ? "failed" : tally.files > 0 ? "proven" : "untested";
      drills.push({ host, name, sources, snapshots: snapshots.map(({ id }) => id), outcome, ...tally });
      this.#note(drills);
    }
    return drills;
  }

  /** Records the result at once, because the next series may take long. */
  #note(drills: readonly SeriesDrill[]): void {
    const { machine, id } = this.#repository, now = new Date(machine.clock.nowMs()).toISOString();
    const last = drills.at(-1);
    if (last === undefined || last.outcome === "untested") return;
    const { host, name, sources, files, bytes } = last, key = drillKey(last);
    const before = readDrillNotes(machine, id).find((note) => drillKey(note) === key);
    const note: DrillNote = last.outcome === "proven"
      ? { host, name, sources, proven: now, files, bytes, failed: null }
      : { host, name, sources, files: 0, bytes: 0, proven: null, ...before, failed: now };
    writeDrillNotes(machine, id, [note]);
  }

  async #drill(snapshot: SnapshotInfo, bytes: number, tally: Tally): Promise<void> {
    try {
      const manifest = await this.#repository.manifest(snapshot.id);
      const { random } = this.#repository.machine;
      const { files, fits } = await sampleOf(manifest, bytes, { random, pace: this.#pace });
      if (!fits) this.#monitor.notice(`No file of ${snapshot.name} is small enough for ${bytes} bytes`);
      if (files.length > 0) await this.#restore(snapshot, { files, manifest }, tally);
    } catch (error) {
      if (error instanceof NoSnapshot) return; // it was forgotten since it was listed
      if (!(error instanceof DamagedManifest || error instanceof DamagedContent)) throw error;
      this.#fail(error, tally);
    }
  }

  #fail(fault: Fault, tally: Tally): void {
    tally.failed++;
    this.#monitor.problem(fault);
  }

  async #restore(
    snapshot: SnapshotInfo,
    { files, manifest }: { readonly files: readonly SampledFile[]; readonly manifest: Manifest },
    tally: Tally,
  ): Promise<void> {
    const { workers, signal } = this.#request, name = rawOf(String(this.#chance(2 ** 31)));
    const target = joinRaw(this.#temp, name);
    let heard = 0;
    await restore(this.#repository, {
      snapshot,
      paths: files.map(({ path }) => path),
      include: [],
      exclude: [],
      destination: { kind: "directory", path: target, strip: 0 },
      overwrite: undefined,
      delete: false,
      owners: "none",
      workers,
      signal,
    }, countingProblems(this.#monitor, () => heard++));
    for (const file of files) {
      await this.#pace.yieldIfDue();
      this.#left -= file.size;
      const why = this.#prover.wrongWith(raw`${target}${file.path}`, file) ?? this.#compare(file, manifest, tally);
      if (why === undefined) {
        tally.files++;
        tally.bytes += file.size;
      } else if (heard-- > 0) tally.failed++; // the restore has reported it
      else this.#fail(new NotRestorable(file.path, snapshot.id, why), tally);
    }
    this.#clear(name);
  }

  #compare(file: SampledFile, { root }: Manifest, tally: Tally): string | undefined {
    const path = root.host === this.#request.host ? livePath(root, file.path) : undefined;
    const found = path === undefined ? "changed" : this.#prover.compare(path, file);
    if (found === "same") tally.compared++;
    return found === "differs" ? "the source, which seems unchanged, has other bytes" : undefined;
  }

  /** Room for the next. */
  #clear(name: Raw): void {
    using parent = this.#repository.machine.disk.openDir(this.#temp);
    const stays = tryToRemove(parent, name);
    if (stays !== undefined) this.#monitor.problem(stays);
  }
}
