/** Makes schemas interpreted from now on: compiling the one for a file that is read once takes longer. */
import * as z from "zod";

z.config({ jitless: true });
