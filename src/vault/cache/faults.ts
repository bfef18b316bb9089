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
