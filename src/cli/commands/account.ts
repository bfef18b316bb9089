/** backup-tool account add, list, remove, password, token, revoke */
import { type Command, Option } from "commander";
import type { Define } from "./command.ts";
import type { Session } from "../session/session.ts";
import { collected, examples, reading } from "../settings/options.ts";
import { absolutePath } from "../settings/paths.ts";
import { accountDirectory } from "../settings/state_directory.ts";
import { BadUsage } from "../../core/fault.ts";
import { textOf } from "../../core/raw.ts";
import { parseSize } from "../../core/size_text.ts";
import { parseDuration } from "../../operations/settings/prune_pace.ts";
import { makeDirectories } from "../../platform/disk.ts";
import type { TokenUses } from "../../server/accounts/token_uses.ts";
import type { User, UserFile } from "../../server/accounts/user_file.ts";

type Role = User["role"];

interface JobsOptions {
  readonly jobs?: string;
}

/** A copy of the server's list, so that help needn't load the server. */
const ROLES: readonly Role[] = ["watch", "read", "run", "admin", "objects"];
const MOST_PASSWORD_BYTES = 4096;
const PRIVATE = 0o700, TOKEN_BYTES = 32;

export const defineAccount: Define = (program, act) => {
  const account = program.command("account")
    .helpCommand(false)
    .summary("manage the accounts of `serve --listen`")
    .description(
      "Manage the accounts of the server that `serve --listen` starts. A running server sees every change at once. Each role " +
        "includes the previous ones: `watch` sees whether all is well, `read` sees and downloads files, `run` starts " +
        "jobs, `admin` sees everything. `objects` is for programs that store vaults here.",
    );
  for (const define of [defineAdd, defineList, defineRemove, definePassword, defineToken, defineRevoke]) {
    define(account, act);
  }
};

function withJobs(command: Command): Command {
  return command.option("-j, --jobs <DIR>", "of a server that takes jobs: their directory");
}

function withPassword(command: Command): Command {
  return command.option("--new-password-file <FILE>", "its first line is the password (default: it is asked for)");
}

const defineAdd: Define = (account, act) => {
  const command = withPassword(withJobs(account.command("add")))
    .summary("add an account, or change its role")
    .description("Add an account. An existing one gets the new role and series, and keeps its password.")
    .argument("<NAME>", "letters, digits and . _ @ -")
    .addOption(new Option("--role <ROLE>", "what it may do").choices(ROLES).default("read"))
    .option("--series <SERIES>", "only these series: NAME, HOST:NAME, or a prefix with `*` (repeatable)", collected)
    .option("--append-only", "for the role objects: nothing can be removed")
    .addOption(new Option("--quota <SIZE>", "role objects: so much at most").argParser(reading(parseSize)))
    .addHelpText(
      "after",
      examples(
        "backup-tool account add anna --role admin --jobs /volume1/jobs",
        "backup-tool account add tom --role read --series photos --series 'nas2:*'",
      ),
    );
  command.action((name: string) =>
    act(command, async (session) => {
      const { role, series, appendOnly, quota } = command.opts<
        { readonly role: Role; readonly series?: string[]; readonly appendOnly?: boolean; readonly quota?: number }
      >();
      using users = await openUsers(session, command);
      const before = users.file.user(name);
      const password = before?.password ?? await passwordHash(session, command, name);
      const user = {
        name,
        role,
        password,
        tokens: before?.tokens ?? [],
        ...(series !== undefined && { series: [...series] }),
        ...(appendOnly !== undefined && { appendOnly }),
        ...(quota !== undefined && { quotaBytes: quota }),
      };
      users.file.put(user, (await session.machine()).random);
      const done = `${before === undefined ? "Added" : "Changed"} the account ${name}: ${role}`;
      session.result({ name, role, series: series ?? null }, [done]);
    })
  );
};

const COLUMNS = [{ title: "NAME" }, { title: "ROLE" }, { title: "SERIES" }, { title: "TOKENS" }];

const defineList: Define = (account, act) => {
  const command = withJobs(account.command("list"))
    .summary("list accounts and their tokens")
    .description("List the accounts of a server. Neither passwords nor tokens can be shown: they are not kept.")
    .addHelpText("after", examples("backup-tool account list --jobs /volume1/jobs"));
  command.action(() =>
    act(command, async (session) => {
      using users = await openUsers(session, command);
      const all = users.file.users();
      const lastUse = ({ hash }: Token) => users.uses.last(hash) ?? null;
      if (session.options.json) return session.out.json(all.map((user) => userJson(user, lastUse)));
      const rows = all.map(({ name, role, series, tokens }) => [
        name,
        role,
        series?.join(", ") ?? "all",
        tokens.map((token) => `${token.name} (${token.role}, ${usedText(lastUse(token))})`).join(", "),
      ]);
      session.table(COLUMNS, rows, "There are no accounts yet");
    }, { output: true })
  );
};

type Token = User["tokens"][number];

function userJson({ name, role, series, tokens }: User, lastUse: (token: Token) => string | null) {
  const tokenJson = (token: Token) => {
    const { name, role, created, expires = null } = token;
    return { name, role, created, lastUsed: lastUse(token), expires };
  };
  return { name, role, series: series ?? null, tokens: tokens.map(tokenJson) };
}

function usedText(lastUse: string | null): string {
  return lastUse === null ? "never used" : `used ${lastUse.slice(0, "YYYY-MM-DD".length)}`;
}

const defineRemove: Define = (account, act) => {
  const command = withJobs(account.command("remove"))
    .summary("remove an account, with its sessions and tokens")
    .description("Remove an account and end its sessions.")
    .argument("<NAME>", "whose")
    .addHelpText("after", examples("backup-tool account remove tom --jobs /volume1/jobs"));
  command.action((name: string) =>
    act(command, async (session) => {
      using users = await openUsers(session, command);
      knownUser(users.file, name);
      users.file.remove(name, (await session.machine()).random);
      session.result({ name }, [`Removed the account ${name}`]);
    })
  );
};

const definePassword: Define = (account, act) => {
  const command = withPassword(withJobs(account.command("password")))
    .summary("change the password of an account")
    .description("Change the password of an account. All its sessions end; its tokens stay.")
    .argument("<NAME>", "whose")
    .addHelpText("after", examples("backup-tool account password anna --jobs /volume1/jobs"));
  command.action((name: string) =>
    act(command, async (session) => {
      using users = await openUsers(session, command);
      const user = knownUser(users.file, name), password = await passwordHash(session, command, name);
      users.file.put({ ...user, password }, (await session.machine()).random);
      session.result({ name }, [`${name} has another password now`]);
    })
  );
};

const defineToken: Define = (account, act) => {
  const command = withJobs(account.command("token"))
    .summary("create a token for a program")
    .description(
      "Create a token, which a program sends instead of a password, as `Authorization: Bearer TOKEN` or as the password of " +
        "WebDAV. It is printed once, and can't be shown again.",
    )
    .argument("<NAME>", "whose account")
    .argument("<PROGRAM>", "what it is called in lists")
    .addOption(new Option("--role <ROLE>", "what it may do; never more than the account").choices(ROLES))
    .addOption(new Option("--expires <DURATION>", "good for so long: 90d").argParser(reading(parseDuration)))
    .option("--append-only", "for the role objects: nothing can be removed")
    .addHelpText("after", examples("backup-tool account token anna prometheus --role watch --expires 365d"));
  command.action((name: string, program: string) =>
    act(command, async (session) => {
      const { role, expires, appendOnly } = command.opts<
        { readonly role?: Role; readonly expires?: number; readonly appendOnly?: boolean }
      >();
      using users = await openUsers(session, command);
      const user = knownUser(users.file, name), { random } = await session.machine();
      const [{ TOKEN_PREFIX }, { sha256 }] = await Promise.all([
        import("../../server/accounts/accounts.ts"),
        import("../../server/accounts/passwords.ts"),
      ]);
      const secret = `${TOKEN_PREFIX}${hexOf(random(TOKEN_BYTES))}`, nowMs = session.world.clock.nowMs();
      const token = {
        name: program,
        role: role ?? user.role,
        hash: sha256(secret),
        created: new Date(nowMs).toISOString(),
        ...(expires !== undefined && { expires: new Date(nowMs + expires).toISOString() }),
        ...(appendOnly !== undefined && { appendOnly }),
      };
      const others = user.tokens.filter((one) => one.name !== program);
      users.file.put({ ...user, tokens: [...others, token] }, random);
      if (session.options.json) return session.out.json({ name, for: program, token: secret });
      session.out.line(secret);
    }, { output: true })
  );
};

const defineRevoke: Define = (account, act) => {
  const command = withJobs(account.command("revoke"))
    .summary("revoke a token")
    .description("Revoke a token of an account: requests with it are refused from now on.")
    .argument("<NAME>", "whose account")
    .argument("<PROGRAM>", "what it was made for")
    .addHelpText("after", examples("backup-tool account revoke anna prometheus"));
  command.action((name: string, program: string) =>
    act(command, async (session) => {
      using users = await openUsers(session, command);
      const user = knownUser(users.file, name), tokens = user.tokens.filter((one) => one.name !== program);
      if (tokens.length === user.tokens.length) {
        throw new BadUsage(`${name} has no token ${JSON.stringify(program)}`, "See `backup-tool account list`");
      }
      users.file.put({ ...user, tokens }, (await session.machine()).random);
      session.result({ name, for: program }, [`Revoked the token ${program} of ${name}`]);
    })
  );
};

interface OpenUsers extends Disposable {
  readonly file: UserFile;
  readonly uses: TokenUses;
}

async function openUsers(session: Session, command: Command): Promise<OpenUsers> {
  const { world } = session, { jobs } = command.opts<JobsOptions>();
  const [{ UserFile }, { TokenUses }] = await Promise.all([
    import("../../server/accounts/user_file.ts"),
    import("../../server/accounts/token_uses.ts"),
  ]);
  const directory = await accountDirectory(world, jobs === undefined ? undefined : textOf(absolutePath(world, jobs)));
  const machine = await session.machine(), dir = makeDirectories(machine.disk, directory, PRIVATE);
  return { file: new UserFile(dir), uses: new TokenUses(dir, machine), [Symbol.dispose]: () => dir[Symbol.dispose]() };
}

function knownUser(file: UserFile, name: string): User {
  const user = file.user(name);
  if (user !== undefined) return user;
  throw new BadUsage(
    `There is no account ${JSON.stringify(name)}`,
    "See `backup-tool account list`; add it with `account add`",
  );
}

async function passwordHash(session: Session, command: Command, name: string): Promise<string> {
  const { newPasswordFile } = command.opts<{ readonly newPasswordFile?: string }>(), { world } = session;
  const password = newPasswordFile === undefined
    ? await typedPassword(session, name)
    : world.readSecret(textOf(absolutePath(world, newPasswordFile)), MOST_PASSWORD_BYTES).split("\n")[0] ?? "";
  const { hashPassword } = await import("../../server/accounts/passwords.ts");
  return await hashPassword(password, (await session.machine()).random);
}

async function typedPassword({ secrets }: Session, name: string): Promise<string> {
  const first = await secrets.askSecret(`Password for ${name}: `);
  if (first === undefined) {
    throw new BadUsage("Nobody is there to type a password", "Give it with `--new-password-file`");
  }
  const again = await secrets.askSecret("The same again: ");
  if (again !== first) throw new BadUsage("The two are not the same", "Run the same command again");
  return first;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
