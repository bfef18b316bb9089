import { deepStrictEqual, match, ok } from "node:assert/strict";
import { Place } from "../program.ts";

function plant(place: Place): void {
  for (
    const dir of ["#recycle", "home", "home/.cache", "home/.local", "home/.local/share", "home/.local/share/Trash"]
  ) {
    Deno.mkdirSync(`${place.source}/${dir}`);
    place.write(`${dir}/inside`, dir);
  }
  place.write("home/~$letter.docx", "lock");
  place.write("home/letter.docx", "letter");
  place.write("home/large", "x".repeat(3000));
}

/** Paths of files in the snapshot that a backup with these options makes. */
async function filesWith(place: Place, ...options: string[]): Promise<string[]> {
  await place.expect(0, "backup", "source", "--init", ...options);
  return (await place.json("ls", "latest", "-R"))
    .filter(({ kind }: { kind: string }) => kind === "file")
    .map(({ path }: { path: string }) => path);
}

const ALWAYS = ["/home/inside", "/home/letter.docx", "/home/.local/inside", "/home/.local/share/inside"];

Deno.test("--exclude-preset leaves out what its name says, alone and with others", async () => {
  using place = new Place();
  plant(place);
  const all = await filesWith(place);
  const left = async (...options: string[]) => {
    const kept = await filesWith(place, ...options);
    for (const path of ALWAYS) ok(kept.includes(path), path);
    return all.filter((path) => !kept.includes(path));
  };
  const trash = "/home/.local/share/Trash/inside", desktop = ["/home/.cache/inside", "/home/~$letter.docx", trash];
  deepStrictEqual(await left("--exclude-preset", "nas"), ["/#recycle/inside"]);
  deepStrictEqual((await left("--exclude-preset", "desktop")).sort(), [...desktop].sort());
  deepStrictEqual(
    (await left("--exclude-preset", "nas", "--exclude-preset", "desktop")).sort(),
    ["/#recycle/inside", ...desktop].sort(),
  );
  deepStrictEqual(await left("--exclude-preset", "nas", "--exclude", "!\\#recycle"), []);
});

Deno.test("--max-size and --exclude-larger-than are the same", async () => {
  using place = new Place();
  plant(place);
  for (const option of ["--max-size", "--exclude-larger-than"]) {
    ok(!(await filesWith(place, option, "2999")).includes("/home/large"));
    ok((await filesWith(place, option, "3000")).includes("/home/large"));
  }
});

Deno.test(".backupignore files are followed, unless --no-ignore-files is given", async () => {
  using place = new Place();
  plant(place);
  place.write("home/.backupignore", "# not mine\r\nlarge\r\n.*/\r\n!.local/\r\n");
  deepStrictEqual(
    (await filesWith(place)).filter((path) => path.startsWith("/home")).sort(),
    ["/home/.backupignore", "/home/~$letter.docx", "/home/.local/share/Trash/inside", ...ALWAYS].sort(),
  );
  deepStrictEqual((await filesWith(place, "--exclude", "!large")).includes("/home/large"), true);
  ok((await filesWith(place, "--no-ignore-files")).includes("/home/.cache/inside"));
});

Deno.test("a line of a .backupignore file that can't be understood is told of; on the command line it is an error", async () => {
  using place = new Place();
  plant(place);
  place.write("home/.backupignore", "[a\nlarge");
  match(
    (await place.expect(0, "backup", "source", "--init")).stderr,
    /home\/\.backupignore: Cannot use the pattern "\[a"/,
  );
  match(await place.fault(2, "bad-pattern", "backup", "source", "--exclude", "[a"), /a \[ has no \]/);
  Deno.writeTextFileSync(`${place.base}/patterns`, "good\nbad\\\n");
  match(await place.fault(2, "bad-pattern", "backup", "source", "--exclude-from", "patterns"), /"bad\\\\"/);
  match(await place.fault(1, "disk", "backup", "source", "--exclude-from", "missing"), /missing/);
});

Deno.test("a storage is refused as a source of itself, and a missing source is named", async () => {
  using place = new Place();
  await place.expect(0, "init");
  match(await place.fault(1, "source-in-storage", "backup", "storage/content"), /belongs to the storage/);
  match(await place.fault(1, "no-source", "backup", "source", "nowhere"), /nowhere": no such file or directory/);
});
