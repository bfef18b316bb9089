/** Faults of the keys of a vault. */
import { Fault } from "../../core/fault.ts";

/** The given key belongs to another vault. */
export class ForeignKey extends Fault {
  readonly code = "foreign-key";
  readonly hint = "Find the key of this vault, or give the place of the other one";
  constructor(location: string, vault: string) {
    super(`Cannot open the vault ${JSON.stringify(location)}: this key belongs to another vault, not to ${vault}`);
  }
}

/** The key fits `config`, as far as can be seen, but opens none of the objects that were tried. */
export class ForeignObjects extends Fault {
  readonly code = "foreign-key";
  readonly hint =
    "Find the key of the objects; if it is `config` that came from another vault, put theirs back from a copy";
  /** @param vault which the key says that it belongs to, as `config` does; undefined: it doesn't say */
  constructor(location: string, vault: string | undefined) {
    const why = vault === undefined
      ? "this key doesn't open its objects: it belongs to another vault, or they do"
      : `this key belongs to ${vault}, as \`config\` does, but the objects belong to another vault`;
    super(`Cannot open the vault ${JSON.stringify(location)}: ${why}`);
  }
}

/** Keys were asked for of a vault that was opened without one. */
export class WithoutKeys extends Fault {
  readonly code = "without-keys";
  readonly hint = "If it should be, somebody may have changed `config`; for one with keys there is `init --vault`";
  constructor(location: string) {
    super(`The vault ${JSON.stringify(location)} has no keys: it says that it is not encrypted`);
  }
}

/** No object in `keys/` matches, or more than one does. */
export class NoSuchKey extends Fault {
  readonly code = "no-such-key";
  readonly hint = "Copy the id from `backup-tool key list`";
  constructor(id: string, found: number) {
    super(`Cannot find the key ${JSON.stringify(id)}: ${found === 0 ? "there is none" : `${found} ids begin so`}`);
  }
}

/** The remaining keys could store contents but not read them. */
export class LastFullKey extends Fault {
  readonly code = "last-full-key";
  readonly hint = "Add another full key first, or print it and keep the paper; `--force` removes it all the same";
  constructor(id: string) {
    super(`Cannot remove the key ${JSON.stringify(id)}: no other key in the vault is known here to read contents`);
  }
}

/** Two keys with one passphrase: it would be unclear which of them it opens. */
export class PassphraseTaken extends Fault {
  readonly code = "passphrase-taken";
  readonly hint = "Choose another passphrase";
  constructor(id: string) {
    super(`Cannot add a key with that passphrase: it opens the key ${JSON.stringify(id)} already`);
  }
}
