/** The one table of all routes: the front door, the document of the interface and the tests of roles read it. */
import type { Route } from "./route.ts";

export const ROUTES: readonly Route[] = [];
