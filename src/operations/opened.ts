/** A repository as an operation meets it: opened on some machine. */
import type { Machine } from "../platform/machine.ts";
import type { Repository } from "../snapshot/repository.ts";

/** The machine is that of whoever asks, which a remote repository is not on. */
export type OpenedRepository = Repository & { readonly machine: Machine };
