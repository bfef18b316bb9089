/** Has schemas that are made from now on interpreted: compiling those of a file that is read once takes longer. */
import * as z from "zod";

z.config({ jitless: true });
