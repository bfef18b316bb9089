/** How operations become the writer of a repository: with as much patience as the machine was given. */
import type { Awaitable } from "../core/awaitable.ts";
import { patiently } from "../core/patience.ts";
import type { Machine } from "../platform/machine.ts";

/** @param holder a note for others who want to: "backup of /home" @throws Locked if the wait was in vain, and what writing throws */
export function becomeWriter<W>(
  repository: { readonly machine: Machine; write(holder: string): Awaitable<W> },
  holder: string,
): Promise<W> {
  return patiently(() => repository.write(holder), repository.machine);
}
