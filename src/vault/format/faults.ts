/** Faults of the objects of a vault. `what` names the object, as in "data/0e5d...". */
import { PlaceRefuses, PlaceUnavailable } from "../../backend/faults.ts";
import { Fault, Interrupted } from "../../core/fault.ts";

/** The bytes are not what they should be. */
export class DamagedObject extends Fault {
  readonly code = "damaged-object";
  readonly hint: string;
  constructor(what: string, why: string) {
    super(`Cannot read ${JSON.stringify(what)} of the vault: ${why}`);
    this.hint = what === "config"
      ? "Put it back from a copy of the vault; or get the files out of the units, with `backup-tool salvage`"
      : "Repair it from another copy, with `backup-tool repair --from`; what else is in the vault is not affected";
  }
}

/** An object of `keys/` is damaged: its passphrase opens nothing. */
export class DamagedKey extends Fault {
  readonly code = "damaged-key";
  readonly hint =
    "Put it back from a copy of the vault; or open the vault with a key file, and make another: `backup-tool key add`";
  constructor(what: string) {
    super(`Cannot open the key ${JSON.stringify(what)} of the vault: its bytes don't match its name`);
  }
}

/** A size exceeds the limits of the format; reading on could exhaust the memory. */
export class BeyondLimit extends Fault {
  readonly code = "beyond-limit";
  readonly hint = "No version of this tool writes that: find out who did, and remove the object";
  constructor(what: string, measure: string, most: number) {
    super(`Cannot read ${JSON.stringify(what)} of the vault: ${measure} is beyond the limit of ${most}`);
  }
}

/** The object was written by a newer version: it is not damaged, but this version can't read it. */
export class NewerObject extends Fault {
  readonly code = "newer-object";
  readonly hint: string;
  constructor(what: string, version: number) {
    super(`Cannot read ${JSON.stringify(what)} of the vault: it has version ${version}, this tool knows 1`);
    this.hint = what === "config"
      ? "Use a newer version of this tool"
      : "Use a newer version of this tool; this one leaves the object out, and removes nothing meanwhile";
  }
}

/** The object is encrypted to another key. */
export class WrongKey extends Fault {
  readonly code = "wrong-key";
  readonly hint = "Use a key of this vault: `backup-tool key list` shows which there are";
  constructor(what: string) {
    super(`Cannot open ${JSON.stringify(what)} of the vault: no available key opens it`);
  }
}

/** The object was written without a key of this vault. */
export class NotSigned extends Fault {
  readonly code = "not-signed";
  readonly hint = "It is skipped; find out who can write to the place where the vault lies";
  constructor(what: string) {
    super(`Cannot trust ${JSON.stringify(what)} of the vault: it is not signed by a holder of a key`);
  }
}

/** The object belongs to another vault. */
export class ForeignObject extends Fault {
  readonly code = "foreign-object";
  readonly hint = "Keep each vault in a place of its own";
  constructor(what: string, vault: string) {
    super(`Cannot use ${JSON.stringify(what)}: it belongs to the vault ${JSON.stringify(vault)}`);
  }
}

/** A key file, or what was typed from paper, is not a key. */
export class BadKeyFile extends Fault {
  readonly code = "bad-key-file";
  readonly hint =
    "A key has one or two lines that begin with AGE-SECRET-KEY-1, each of 74 characters: compare every one";
  constructor(why: string) {
    super(`Cannot read the key: ${why}`);
  }
}

/** The passphrase doesn't open that key. */
export class WrongPassphrase extends Fault {
  readonly code = "wrong-passphrase";
  readonly hint = "Try again; without any passphrase only a key file or the printed key opens the vault";
  constructor(what: string) {
    super(`The passphrase doesn't open ${what}`);
  }
}

/** A write-only key was asked to open contents. */
export class WriteOnlyKey extends Fault {
  readonly code = "write-only-key";
  readonly hint = "Use a full key to read contents: `backup-tool key list` shows which there are";
  constructor() {
    super("Cannot read contents: this is a write-only key, which can store but not read them");
  }
}

/** This runtime doesn't support zstd. */
export class NoZstd extends Fault {
  readonly code = "no-zstd";
  readonly hint = "Use the executable of a release, or run the program with a current Deno";
  constructor() {
    super("Cannot read or write a vault: this runtime has no zstd");
  }
}

/** Another prune has removed lists of files that the new snapshot relies on. */
export class VaultChanged extends Fault {
  readonly code = "vault-changed";
  readonly hint = "Run it again: what is missing is stored then";
  constructor() {
    super("Cannot finish the snapshot: lists of files that it relies on were removed from the vault meanwhile");
  }
}

/** Another prune has removed contents that can't be found elsewhere. */
export class LostFromVault extends Fault {
  readonly code = "lost-from-vault";
  readonly hint = "Run it again when the files are there; `backup-tool repair` finds other copies";
  constructor(paths: readonly string[]) {
    const [first = "", ...others] = paths, more = others.length > 0 ? ` and ${others.length} more` : "";
    super(
      `Cannot finish the snapshot: the contents of ${
        JSON.stringify(first)
      }${more} were removed from the vault meanwhile, ` +
        "and the source has them no more",
    );
  }
}

/** Only storages support the operation. */
export class NotForVaults extends Fault {
  readonly code = "not-for-vaults";
  readonly hint = "Do it with a storage";
  constructor(what: string) {
    super(`Cannot ${what}: a vault doesn't support that`);
  }
}

/** There is no vault where one was expected. */
export class NoVault extends Fault {
  readonly code = "no-vault";
  readonly hint =
    "Make one with `backup-tool init --vault`, or look whether the right place is mounted; for units alone there is " +
    "`backup-tool salvage`";
  constructor(location: string) {
    super(`Cannot open the vault ${JSON.stringify(location)}: there is none (no \`config\`)`);
  }
}

/** A new vault needs a place of its own. */
export class VaultExists extends Fault {
  readonly code = "vault-exists";
  readonly hint = "Choose another place, or use the vault that is there";
  constructor(location: string, what = "there is one already") {
    super(`Cannot create a vault in ${JSON.stringify(location)}: ${what}`);
  }
}

/** No key was given for an encrypted vault. */
export class NoKey extends Fault {
  readonly code = "no-key";
  readonly hint =
    "Give `--password-file`, `--password-command` or `--key-file`; on a terminal you are asked for the passphrase";
  constructor(location: string) {
    super(`Cannot open the vault ${JSON.stringify(location)}: it is encrypted, and no key was given`);
  }
}

/** A key was given for a vault whose `config` says that it is not encrypted. */
export class NotEncrypted extends Fault {
  readonly code = "not-encrypted";
  readonly hint =
    "Somebody may have changed `config`. If the vault was made so, open it without a key, with `--unencrypted`, or " +
    "`--to-unencrypted` as the target of a copy";
  constructor(location: string) {
    super(`Cannot use a key with the vault ${JSON.stringify(location)}: it says that it is not encrypted`);
  }
}

/** Another run holds the lease. */
export class VaultBusy extends Fault {
  readonly code = "vault-busy";
  readonly hint = "Try again later; a dead lease ends by itself";
  /** @param since start of that run, ISO 8601 @param until end of its lease unless it is renewed; undefined: unknown */
  constructor(host: string, since: string | undefined, until: string | undefined) {
    const times = since === undefined ? "" : ` since ${since}${until === undefined ? "" : ` (lease until ${until})`}`;
    super(`Cannot prune the vault: ${host} is doing it${times}`);
  }
}

/** Some data that snapshots need can't be found: what would be removed now might be just that. */
export class NeededMissing extends Fault {
  readonly code = "needed-missing";
  readonly hint = "Repair it with `backup-tool repair --from` another copy, or forget that snapshot, then prune again";
  /** @param missing what each snapshot lacks, by its id: "12 contents" */
  constructor(missing: ReadonlyMap<string, string>) {
    const shown = [...missing].slice(0, SNAPSHOTS_SHOWN).map(([id, what]) => `${what} of snapshot ${id}`);
    const more = missing.size > SNAPSHOTS_SHOWN ? `, and more of ${missing.size - SNAPSHOTS_SHOWN} others` : "";
    super(`Nothing was pruned, for this is in no unit that the index lists: ${shown.join(", ")}${more}`);
  }
}

const SNAPSHOTS_SHOWN = 5;

/** The server doesn't allow deleting. */
export class AppendOnly extends Fault {
  readonly code = "append-only";
  readonly hint = "Prune from where deleting is allowed";
  constructor(location: string) {
    super(`Cannot prune the vault ${JSON.stringify(location)}: the server refuses to delete (append-only)`);
  }
}

/** Others pruned or repaired again and again while this run was planning. */
export class PruneOvertaken extends Fault {
  readonly code = "prune-overtaken";
  readonly hint = "Run it again when nobody else prunes or repairs the vault";
  constructor(why: string) {
    super(`Cannot finish the prune: ${why}; what is needed stays`);
  }
}

/** True for faults of a single object; false if the place is unavailable, or the run was interrupted. */
export function isOfObject(error: unknown): error is Fault {
  return error instanceof Fault &&
    !(error instanceof PlaceUnavailable || error instanceof PlaceRefuses || error instanceof Interrupted);
}

/** The vault is not encrypted, and the user has not confirmed that others may read it. */
export class PlainVault extends Fault {
  readonly code = "plain-vault";
  readonly hint = 'If that is meant, say `--unencrypted`, or "encrypted": false in the configuration';
  constructor(location: string) {
    super(
      `Cannot write to the vault ${JSON.stringify(location)}: it is not encrypted, so everybody who reads the place ` +
        "reads the files",
    );
  }
}
