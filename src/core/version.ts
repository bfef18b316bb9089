/** Version of the tool; equals "version" in deno.json. */
export const VERSION = "0.1.0";
