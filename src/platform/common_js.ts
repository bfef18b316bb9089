/** For packages of the old kind, which a bundle runs as a script of the new kind. */

/** Gives them the name of a directory, which they ask for and don't use. */
export function provideCommonJs(): void {
  if (!("__dirname" in globalThis)) Object.defineProperty(globalThis, "__dirname", { value: "/", configurable: true });
}
