/** Builds the real world and hands it to the command line. */
import { VERSION } from "./src/core/version.ts";

if (Deno.args[0] === "version") console.log(`backup-tool ${VERSION}`);
