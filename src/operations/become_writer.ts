/** How operations become the writer of a repository, waiting as long as the machine's settings allow. */
import type { Awaitable } from "../core/awaitable.ts";
import { patiently } from "../core/patience.ts";
import type { Machine } from "../platform/machine.ts";

/**
 * Opens a repository for writing.
 * @param holder text that other writers see meanwhile: "backup of /home"
 * @throws Locked if the wait was in vain, and what writing throws
 */
export function becomeWriter<W>(
  repository: { readonly machine: Machine; write(holder: string): Awaitable<W> },
  holder: string,
): Promise<W> {
  return patiently(() => repository.write(holder), repository.machine);
}
