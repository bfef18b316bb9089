/** Support for CommonJS packages that are bundled as ES modules. */

/** Defines the global `__dirname`, which such packages read but don't use. */
export function provideCommonJs(): void {
  if (!("__dirname" in globalThis)) Object.defineProperty(globalThis, "__dirname", { value: "/", configurable: true });
}
