/**
 * The properties that a vault had when it was first used from this machine. `config` is not encrypted, and whoever has
 * a passphrase can plant a key: neither may make this machine store data unencrypted, or for another recipient, that it
 * has always encrypted.
 */
import { hash } from "node:crypto";
import { Fault } from "../../core/fault.ts";
import { BadJson, fieldsOf, parseJson } from "../../core/json.ts";
import { rawOf } from "../../core/raw.ts";
import type { Machine } from "../../platform/machine.ts";
import { readStateFile, replaceStateFile, type StatePlace } from "../../platform/state_file.ts";
import { VaultDiffers } from "./faults.ts";

/** Properties of a vault, and its key. */
export interface VaultFacts {
  readonly id: string;
  readonly encrypted: boolean;
  readonly chunker: Readonly<Record<"min" | "average" | "max" | "wholeUpTo", number>>;
  /** Absent without encryption. */
  readonly key: { readonly dataRecipient: string; readonly auth: Uint8Array<ArrayBuffer> } | undefined;
}

const FORMAT = "backup-tool pinned facts";

/** Each property, and the complaint if it has changed. */
const COMPLAINTS = {
  encrypted: "it says that it is not encrypted, but it was when it was last used from here",
  chunker: "it cuts large files otherwise than when it was last used from here",
  dataRecipient: "its key seals contents to somebody else than when it was last used from here",
} as const;
type Facts = Readonly<Record<keyof typeof COMPLAINTS, string>>;
const NAMES = Object.keys(COMPLAINTS) as (keyof typeof COMPLAINTS)[];
const NEWLY_ENCRYPTED = "it says that it is encrypted, but it was not when it was last used from here";

/**
 * Compares a vault with what was pinned.
 * @param location for messages
 * @returns true if nothing was pinned
 * @throws VaultDiffers
 */
export function assertPinned(
  machine: Pick<Machine, "disk" | "state" | "random">,
  vault: VaultFacts,
  location: string,
): boolean {
  const now = factsOf(vault), pinned = pinnedIn(machine, placeOf(vault.id));
  const name = pinned && NAMES.find((name) => pinned[name] !== now[name]);
  if (name === undefined) return pinned === undefined;
  throw new VaultDiffers(
    location,
    name === "encrypted" && vault.encrypted ? NEWLY_ENCRYPTED : COMPLAINTS[name],
  );
}

function factsOf({ encrypted, chunker, key }: VaultFacts): Facts {
  const { min, average, max, wholeUpTo } = chunker;
  return {
    encrypted: String(encrypted),
    chunker: [min, average, max, wholeUpTo].join(" "),
    dataRecipient: key?.dataRecipient ?? "",
  };
}

/** The pinned properties; undefined if there is no intact file that this program wrote. */
function pinnedIn(machine: Pick<Machine, "disk" | "state">, place: StatePlace): Facts | undefined {
  try {
    const text = readStateFile(machine, place);
    const { format, version, pinned, check } = text === undefined ? {} : fieldsOf(parseJson(text));
    if (format !== FORMAT || version !== 1) return undefined;
    const facts = fieldsOf(pinned), [encrypted, chunker, dataRecipient] = NAMES.map((name) => String(facts[name]));
    const read = { encrypted: encrypted ?? "", chunker: chunker ?? "", dataRecipient: dataRecipient ?? "" };
    return checkOf(read) === check ? read : undefined;
  } catch (error) {
    if (error instanceof Fault || error instanceof BadJson) return undefined;
    throw error;
  }
}

/** Pins a vault's properties. If the file can't be written, nothing is pinned. */
export function pin(machine: Pick<Machine, "disk" | "state" | "random">, vault: VaultFacts): void {
  const pinned = factsOf(vault), fields = { format: FORMAT, version: 1, pinned, check: checkOf(pinned) };
  try {
    replaceStateFile(machine, placeOf(vault.id), `${JSON.stringify(fields)}\n`);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
}

/** Checksum of the facts: a damaged file must not look like a changed vault. */
function checkOf(facts: Facts): string {
  return hash("sha256", JSON.stringify(NAMES.map((name) => facts[name])), "hex");
}

function placeOf(vault: string): StatePlace {
  return { directory: rawOf("vaults"), name: rawOf(`${vault}.pinned.json`) };
}
