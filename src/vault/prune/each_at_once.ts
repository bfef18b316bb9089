/** Runs an action for many things, several at once. */

/**
 * After a failure no more actions are started; it is thrown once all running ones have ended. @param most number of
 * actions at once
 */
export async function eachAtOnce<T>(
  things: Iterable<T>,
  most: number,
  action: (thing: T) => Promise<void>,
): Promise<void> {
  const next = things[Symbol.iterator]();
  const failures: unknown[] = [];
  const doNext = async () => {
    for (let step = next.next(); step.done !== true && failures.length === 0; step = next.next()) {
      await action(step.value).catch((error: unknown) => void failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: most }, doNext));
  if (failures.length > 0) throw failures[0];
}
