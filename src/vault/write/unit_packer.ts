/** Packs items of one class into units, one after the other, and hands over full ones. */
import { waitFor, type WaitingSteps } from "../../core/steps.ts";
import { type Dir, type Disk, DiskFault, type OpenFile } from "../../platform/disk.ts";
import { lineOf } from "../index/index_object.ts";
import type { UnitClass } from "../pack/items.ts";
import { type NewItem, PackBuffers, type TakenItem, UnitWriter } from "../pack/unit_writer.ts";
import type { Level } from "../pack/zstd.ts";
import { MemoryOutput, type ObjectOutput, SpoolOutput } from "../seal/output.ts";
import { sealInto } from "../seal/sealer.ts";
import type { PackDesk, UnitBody, UnitRoom } from "./pack_desk.ts";
import { packLine } from "./packed_line.ts";

export interface PackerOptions {
  /** UUID of the vault. */
  readonly vault: string;
  readonly unitClass: UnitClass;
  readonly unitBytes: number;
  readonly level: Level;
}

/** Mode of a unit's file, which nobody changes; without encryption, others must not be able to read it. */
const FILE_MODE = 0o400;

interface OpenUnit {
  readonly writer: UnitWriter;
  readonly body: () => UnitBody;
}

export class UnitPacker implements Disposable {
  readonly #desk: PackDesk;
  readonly #disk: Pick<Disk, "openDir">;
  readonly #options: PackerOptions;
  readonly #buffers = new PackBuffers();
  /** The memory of units that are made there. */
  #memory: MemoryOutput<SharedArrayBuffer> | undefined;
  #open: OpenUnit | undefined;
  /** The file of a unit that is not made in memory. */
  #file: OpenFile | undefined;

  constructor(desk: PackDesk, disk: Pick<Disk, "openDir">, options: PackerOptions) {
    this.#desk = desk;
    this.#disk = disk;
    this.#options = options;
  }

  /** Drops what was packed and not handed over. */
  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
    this.#open = this.#file = undefined;
  }

  /** Packs an item. @param item its bytes are copied before anything is awaited, unless a unit has to be begun */
  *add(item: NewItem): WaitingSteps<void> {
    (yield* this.#writer()).add(item);
  }

  /** Packs a copy, for people, of something that is stored elsewhere too. */
  *addCopy(item: NewItem): WaitingSteps<void> {
    (yield* this.#writer()).addCopy(item);
  }

  /** Packs an item with the entry that it had in another unit. */
  *take(item: TakenItem): WaitingSteps<void> {
    (yield* this.#writer()).take(item);
  }

  *#writer(): WaitingSteps<UnitWriter> {
    if (this.#open?.writer.isFull === true) yield* this.finish();
    return (this.#open ?? (yield* this.#begin())).writer;
  }

  *#begin(): WaitingSteps<OpenUnit> {
    const { vault, unitClass, unitBytes, level } = this.#options;
    const { head, salt, room } = yield* waitFor(this.#desk.begin(unitClass));
    const { output, body } = this.#outputIn(room);
    const sealer = sealInto(output, head), buffers = this.#buffers;
    const writer = new UnitWriter({
      vault,
      unitClass,
      ...(salt !== undefined && { salt }),
      sealer,
      unitBytes,
      level,
      buffers,
    });
    return this.#open = { writer, body };
  }

  #outputIn(room: UnitRoom): { output: ObjectOutput; body: () => UnitBody } {
    if (room.kind === "memory") {
      const output = this.#memory ??= MemoryOutput.shared(room.bytes);
      output.reset();
      return { output, body: () => ({ kind: "memory", bytes: output.bytes }) };
    }
    using directory: Dir = this.#disk.openDir(room.directory);
    const file = directory.create(room.name, FILE_MODE);
    if (file === undefined) throw new DiskFault("EEXIST", "create", room.name);
    this.#file = file;
    const output = new SpoolOutput(file, { isDurable: room.isObject });
    return { output, body: () => ({ kind: "file", name: room.name, size: output.size }) };
  }

  /** Hands over the open unit, if there is one. */
  *finish(): WaitingSteps<void> {
    const open = this.#open;
    if (open === undefined) return;
    const line = packLine(lineOf(open.writer.finish())), body = open.body();
    this[Symbol.dispose]();
    yield* waitFor(this.#desk.hand({ line, body }));
  }
}
