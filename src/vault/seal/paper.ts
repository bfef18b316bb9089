/**
 * A key on paper, which opens a vault when everything else is lost. The text is a complete key file, so it can be
 * scanned, copied or typed; information for people is in comments.
 */
import { encodeKeyFile, type KeyLabel } from "./key_file.ts";
import { identitiesOf, type VaultKey } from "./keys.ts";

const GROUP_CHARACTERS = 4;
/** Width of the blank margin around a code, in modules. */
const QUIET_MODULES = 4;

/** Lines to print; `parseKeyFile` can read them. */
export async function paperText(key: VaultKey, label: KeyLabel): Promise<string> {
  const secrets = identitiesOf(key);
  const comments = [
    "",
    "Keep this paper where no thief and no fire finds both it and your computer.",
    "The lines above, in a file, are what `age -d -i FILE` and `backup-tool --key-file FILE` need.",
    "Once more, easier to type: spaces, line breaks and small letters don't matter.",
    "",
    ...secrets.map((secret) => `  ${grouped(secret)}`),
    "",
    ...await codeLines(secrets.join("\n")),
  ];
  return encodeKeyFile(key, label) + comments.map((line) => `# ${line}`.trimEnd() + "\n").join("");
}

function grouped(secret: string): string {
  return secret.match(new RegExp(`.{1,${GROUP_CHARACTERS}}`, "g"))?.join(" ") ?? "";
}

/** Lines of a QR code, drawn for black ink. */
async function codeLines(text: string): Promise<string[]> {
  const { renderUnicodeCompact } = await import("uqr");
  return renderUnicodeCompact(text, { border: QUIET_MODULES, invert: true }).split("\n");
}
