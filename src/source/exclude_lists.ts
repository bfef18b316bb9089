/** Sources of patterns other than the command line: files, and presets. */

/** Patterns in the text of a file: its lines, except comments and empty ones, with any line endings. */
export function parseExcludeFile(text: string): string[] {
  return text.replace(/^\ufeff/, "").split(/\r?\n|\r$/).filter((line) => !/^(?:#| *$)/.test(line));
}

/** Named sets of patterns. */
export const PRESETS: Readonly<Record<string, readonly string[]>> = {
  nas: [
    "@eaDir/",
    "@Recycle/",
    "@Recently-Snapshot/",
    "\\#recycle/",
    "\\#snapshot/",
    ".@__thumb/",
    ".DS_Store",
    "._.DS_Store",
    ".AppleDouble/",
    ".Spotlight-V100/",
    ".Trashes/",
    ".TemporaryItems/",
    ".fseventsd/",
    "Thumbs.db",
    "ehthumbs.db",
    "$RECYCLE.BIN/",
    "System Volume Information/",
  ],
  // What programs and desktops recreate, or what was thrown away.
  desktop: [
    ".cache/",
    "**/.local/share/Trash/",
    ".Trash/",
    ".Trash-*/",
    ".thumbnails/",
    "**/Library/Caches/",
    ".gvfs/",
    ".~lock.*#",
    "~$*",
    ".DS_Store",
    "Thumbs.db",
    "$RECYCLE.BIN/",
    "System Volume Information/",
    "hiberfil.sys",
    "pagefile.sys",
    "swapfile.sys",
  ],
};
