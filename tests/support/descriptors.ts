/** Paths below `path` that this process holds open. Only those, because other tests open and close theirs in the same process. */
export function descriptorsWithin(path: string): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      const target = Deno.readLinkSync(`/proc/self/fd/${name}`);
      return target.startsWith(path) ? [target] : [];
    } catch {
      return [];
    }
  }).sort();
}
