/** Git's own opinion of what a .gitignore file says. */

/** A path git was asked about. */
export interface GitVerdict {
  readonly path: string;
  /** Number of the line that decides, from 1; undefined if none fits. */
  readonly line: number | undefined;
  readonly excluded: boolean;
}

export function hasGit(): boolean {
  try {
    return new Deno.Command("git", { args: ["--version"], stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** A repository in a directory that goes away. */
export class GitRepository implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "backup-tool-test-git-" });

  constructor() {
    this.#run(["init", "--quiet"], new Uint8Array());
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }

  /** Makes directories; whether a path names one is what git looks up. @param paths relative */
  makeDirectories(paths: readonly string[]): void {
    for (const path of paths) Deno.mkdirSync(`${this.path}/${path}`, { recursive: true });
  }

  writeRules(text: string, directory = ""): void {
    Deno.writeTextFileSync(`${this.path}/${directory}.gitignore`, text);
  }

  /** @param paths relative, without a final slash */
  ask(paths: readonly string[]): GitVerdict[] {
    const asked = new TextEncoder().encode(paths.join("\0"));
    const args = ["check-ignore", "--no-index", "--verbose", "--non-matching", "-z", "--stdin"];
    const fields = this.#run(args, asked).split("\0").slice(0, -1);
    return Array.from({ length: fields.length / 4 }, (_, i) => {
      const [, line = "", pattern = "", path = ""] = fields.slice(4 * i, 4 * i + 4);
      const fits = line !== "";
      return { path, line: fits ? Number(line) : undefined, excluded: fits && !pattern.startsWith("!") };
    });
  }

  #run(args: readonly string[], input: Uint8Array<ArrayBuffer>): string {
    const env = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null", LC_ALL: "C" };
    const inputFile = `${this.path}/.git-input`;
    Deno.writeFileSync(inputFile, input);
    const script = 'input=$1; shift; exec git "$@" < "$input"';
    const { code, stdout, stderr } = new Deno.Command("sh", {
      args: ["-c", script, "sh", inputFile, ...args],
      cwd: this.path,
      env,
    }).outputSync();
    // check-ignore answers 1 where nothing fits.
    if (code > 1) throw new Error(`git ${args.join(" ")} failed:\n${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout);
  }
}
