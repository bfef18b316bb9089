/** What stands in the way on this machine, rather than in the vault. */
import { Fault } from "../../core/fault.ts";

/** A vault has one writer on a machine, as a storage has. */
export class VaultInUse extends Fault {
  readonly code = "vault-in-use";
  readonly hint = "Wait until the other run has ended, then try again; reading needs no lock";
  constructor(location: string) {
    super(`Cannot write to the vault ${JSON.stringify(location)}: another run on this machine is writing to it`);
  }
}

/** Something that never changes in the life of a vault is not what it was. */
export class VaultDiffers extends Fault {
  readonly code = "vault-differs";
  readonly hint = "Nothing was written; ask who runs that place, and who else has a key of the vault";
  constructor(location: string, what: string) {
    super(`Cannot trust the vault ${JSON.stringify(location)}: ${what}`);
  }
}
