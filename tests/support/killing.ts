/** Killing a program in the middle of its work: when there is evidence that it is at it, not when some time has passed. */

/**
 * Starts a program and kills it as soon as `isAtWork` says so.
 * @returns true if it was killed; false if it had ended before, with 0
 */
export async function killedWhen(command: Deno.Command, isAtWork: () => boolean): Promise<boolean> {
  const child = command.spawn();
  let isRunning = true;
  const ended = child.status.finally(() => isRunning = false);
  while (isRunning && !isAtWork()) await new Promise((wake) => setTimeout(wake, 1));
  if (isRunning) child.kill("SIGKILL");
  const { signal, code } = await ended;
  if (signal === null && code !== 0) throw new Error(`The program ended with ${code}`);
  return signal !== null;
}

/** Names in a directory; 0 if it is not there. */
export function countOf(path: string): number {
  return namesIn(path).length;
}

export function namesIn(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name);
  } catch {
    return [];
  }
}
