/** Compression ratios by file type: known ones, and those that one thread learns. */
import { typeOf } from "../../catalog/compression_ratios.ts";
import type { Raw } from "../../core/raw.ts";
import type { Ratio } from "../pack/lane_choice.ts";
import type { Compressibility } from "./content_packer.ts";

/** Known ratios, and those that this thread learns. */
export class LearntRatios implements Compressibility {
  readonly #known: Map<string, Ratio>;
  #learnt = new Map<string, Ratio>();

  constructor(known: ReadonlyMap<string, Ratio>) {
    this.#known = new Map(known);
  }

  of(name: Raw): Ratio | undefined {
    return this.#known.get(typeOf(name));
  }

  learn(name: Raw, ratio: Ratio): void {
    const type = typeOf(name);
    add(this.#known, type, ratio);
    add(this.#learnt, type, ratio);
  }

  /** The ratios learnt since the last call. */
  takeLearnt(): ReadonlyMap<string, Ratio> {
    const learnt = this.#learnt;
    this.#learnt = new Map();
    return learnt;
  }
}

function add(ratios: Map<string, Ratio>, type: string, { bytes, packed }: Ratio): void {
  const before = ratios.get(type) ?? { bytes: 0, packed: 0 };
  ratios.set(type, { bytes: before.bytes + bytes, packed: before.packed + packed });
}
