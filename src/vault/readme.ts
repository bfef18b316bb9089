/** `README.txt` of a vault: how to get everything back without this program. Nothing reads it. */
import type { VaultConfig } from "./store/config.ts";

export function readmeText({ id, created, encrypted }: VaultConfig): string {
  return `This is a vault of backup-tool: backups of files, packed and compressed${encrypted ? ", and encrypted" : ""}.
Vault ${id}, made ${created.slice(0, 10)}.

With the program: backup-tool restore. Without it: every file in data/ (a unit) is a tar file, compressed with
zstd${encrypted ? " and encrypted with age (age-encryption.org)" : ""}. Needed are ${
    encrypted ? "age, " : ""
  }zstd and tar.

1. Copy the whole vault to a disk of your own, and work there.
${encrypted ? ENCRYPTED : PLAIN}
   Files have the names that they had: host, name of the backup, time, path. A file that did not change since an earlier
   backup is in the directory of that one. Of several equal files only the first is there.

3. Files larger than 8 MiB are in parts, in a directory "<name>.parts". To join one, once, in the directory with all:
     find . -type f -exec sha256sum {} + > ../sums
   and then, for a file "big.img" (with all list-*.jsonl instead of list.jsonl where there are such):
     sed -n 's/^\\["\\([0-9a-f]*\\)".*/\\1/p' big.img.parts/list.jsonl | while read -r i; do
       cat "$(grep -m1 "^$i" ../sums | cut -c67-)"; done > ../big.img

4. What each backup held is in .backup-tool/: roots/*.json name hunks/*.gz, whose lines have the path and the checksum
   (SHA-256) of every file.

Get programs from where you trust them, never from beside this file: whoever can write here can change them.
`;
}

const ENCRYPTED =
  `2. Your passphrase opens one of the files in keys/; the printed key, saved in a file, does the same. Then:
     mkdir out; cd out
     for u in ../data/*/*; do age -d -i ../keys/KEY "$u" | zstd -d | tar x; done`;
const PLAIN = `2. Then:
     mkdir out; cd out
     for u in ../data/*/*; do zstd -d < "$u" | tar x; done`;
