/** Faults of this machine's cache, rather than of the vault. */
import { Fault } from "../../core/fault.ts";

/** A vault has only one writer on each machine, like a storage. */
export class VaultInUse extends Fault {
  readonly code = "vault-in-use";
  readonly hint = "Wait until the other run has ended, then try again; reading needs no lock";
  constructor(location: string) {
    super(`Cannot write to the vault ${JSON.stringify(location)}: another run on this machine is writing to it`);
  }
}

/** A property that never changes in the life of a vault has changed. */
export class VaultDiffers extends Fault {
  readonly code = "vault-differs";
  readonly hint = "Nothing was written; ask who runs that place, and who else has a key of the vault";
  constructor(location: string, what: string) {
    super(`Cannot trust the vault ${JSON.stringify(location)}: ${what}`);
  }
}
