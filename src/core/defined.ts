/** Objects whose keys may be absent, but are not undefined. */

/** Omits keys whose value is undefined. */
export function defined<T extends object>(given: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}
