/** Reads the root of a snapshot that a backup uses but can do without. */
import type { RootId } from "../../core/content_id.ts";
import { Fault, Interrupted } from "../../core/fault.ts";
import type { Root } from "../../snapshot/root.ts";
import type { OpenedRepository } from "../opened.ts";

/** Undefined if the snapshot was removed meanwhile, or is damaged. @throws Interrupted */
export async function rootIfThere(repository: OpenedRepository, id: RootId): Promise<Root | undefined> {
  try {
    return (await repository.manifest(id)).root;
  } catch (error) {
    if (!(error instanceof Fault) || error instanceof Interrupted) throw error;
    return undefined;
  }
}
