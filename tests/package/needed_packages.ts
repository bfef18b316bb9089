/** Files of pinned packages, for tests that are ignored where they can't be had. */
import { PackageUnavailable } from "../../scripts/package/debian.ts";

/** @returns undefined where this machine can't get them */
export async function packageFiles<T>(get: () => Promise<T>): Promise<T | undefined> {
  try {
    return await get();
  } catch (error) {
    if (!(error instanceof PackageUnavailable)) throw error;
    console.error(error.message);
    return undefined;
  }
}
