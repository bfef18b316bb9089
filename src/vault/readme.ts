/**
 * `README.txt` of a vault: how to restore everything without this program. Only people read it; a test follows it line
 * by line. Commands to type are indented by five spaces.
 */
import type { VaultConfig } from "./store/config.ts";

export function readmeText({ id, created, encrypted, chunker: { wholeUpTo } }: VaultConfig): string {
  return `This is a vault of backup-tool: backups of files, packed and compressed${encrypted ? ", and encrypted" : ""}.
Vault ${id}, made ${created.slice(0, 10)}.

With the program: backup-tool restore. If a part of this is lost or damaged: backup-tool salvage. Without the program:
every file in data/ (a unit) is a tar file, compressed with zstd${
    encrypted ? " and encrypted with age (age-encryption.org)" : ""
  }. Needed are
${encrypted ? "age, " : ""}zstd, tar, and a Unix shell.

1. Copy the whole vault to a disk of your own, and work in that copy.

${encrypted ? ENCRYPTED : PLAIN}
   Files have the names that they had: host, name of the backup, time, path. A file that did not change since an earlier
   backup is in the directory of that one. Of several equal files only the first is there. ("bsdtar xf -" does for
   "zstd -d | tar x". If a tar complains of names, set LC_ALL=C.UTF-8 first.)

3. Files larger than ${wholeUpTo} bytes are in parts, in a directory "<name>.parts". To join all of them, still in out/:
     chmod -R u+rwX .
     find . -type f -exec sh -c 'for f; do s=$(sha256sum < "$f"); ln -f "$f" "../by/\${s%% *}"; done' - {} +
     parts() { sed -n 's/^\\["\\([0-9a-f]*\\)".*/\\1/p' "$1" | while read -r i; do
       if head -n 1 "$1" | grep -q '"level":1'; then parts "../by/$i"; else cat "../by/$i"; fi; done; }
     for l in .backup-tool/lists/*f2.jsonl; do f=\${l##*/}; parts "$l" > "../by/\${f%f2.jsonl}"; done
   Now ../by/ has every file under its checksum (SHA-256). That of a large file is written in the hunks (see 4).

4. What each backup held is in .backup-tool/: roots/*.json say when each was made, and of what, and name their hunks;
   each line of these has path and checksum of a file. To have one backup as it was, in ../backup (ID: name of its root;
   names with " or \\ in them are skipped here, but they are in out/):
     grep -o '[0-9a-f]\\{64\\}f1' .backup-tool/roots/ID.json | while read -r h; do zcat ".backup-tool/hunks/$h.gz"; done |
     sed -n 's/^{"path":"\\([^"\\\\]*\\)".*"content":"\\([0-9a-f]\\{64\\}\\)".*/\\2 \\1/p' |
     while IFS= read -r l; do p="../backup\${l#* }"; mkdir -p "\${p%/*}"; cp "../by/\${l%% *}" "$p"; done

Get programs from where you trust them, never from beside this file: whoever can write here can change them. That goes
for these lines too: they are the same in every vault, and in the documents of the program. A page that opens vaults in
a browser (recover.html) comes with each release of the program: take it from there, or your own copy of it.
`;
}

const ENCRYPTED =
  `2. Your passphrase opens one of the files in keys/. What comes out is the key, and opens everything: keep it to
   yourself, and remove it in the end. The printed key, saved in a file "key", is as good.
     age -d keys/KEY > key
   Then:
     mkdir out by; cd out
     for u in ../data/*/*; do age -d -i ../key "$u" | zstd -d | tar x; done`;
const PLAIN = `2. Then:
     mkdir out by; cd out
     for u in ../data/*/*; do zstd -d < "$u" | tar x; done`;
