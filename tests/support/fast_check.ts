/**
 * What "fast-check" means to the tests: the library, told where its random input begins. The same code has the same
 * result each time it is tested; with SLOW=1 every run tries other input, and SEED=n repeats what one has printed.
 */
import fc from "fast-check-library";
import { SEED } from "./effort.ts";

fc.configureGlobal(SEED === undefined ? {} : { seed: SEED });

// deno-lint-ignore rooms/exports -- it stands in for the library, whose users name it so
export { default } from "fast-check-library";
