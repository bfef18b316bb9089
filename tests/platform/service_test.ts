import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { notifyManager } from "../../src/platform/service_manager.ts";
import { onHangup } from "../../src/platform/system.ts";
import { watchDirectory } from "../../src/platform/watch.ts";
import { has, IS_LINUX, IS_WINDOWS } from "../support/needs.ts";

const LISTENER = "import socket,sys; s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); a=sys.argv[1]\n" +
  "s.bind('\\0'+a[1:] if a[0]=='@' else a); print('bound',flush=True); print(s.recv(4096).decode(),flush=True)";

let rest = "";

/** One line of what is said, with its end. */
async function line(said: ReadableStreamDefaultReader<string>): Promise<string> {
  while (!rest.includes("\n")) rest += (await said.read()).value ?? "\n";
  const end = rest.indexOf("\n") + 1;
  const first = rest.slice(0, end);
  rest = rest.slice(end);
  return first;
}

for (const isAbstract of [false, true]) {
  Deno.test(
    `notifyManager() reaches ${isAbstract ? "an abstract" : "a"} socket`,
    { ignore: !has("python3") },
    async () => {
      const base = Deno.makeTempDirSync();
      const address = isAbstract ? `@backup-tool-test-${Deno.pid}` : `${base}/notify`;
      const child = new Deno.Command("python3", { args: ["-c", LISTENER, address], stdout: "piped" }).spawn();
      const said = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      strictEqual(await line(said), "bound\n");
      strictEqual(notifyManager(address, "READY=1\nSTATUS=ü"), true);
      strictEqual(await line(said) + await line(said), "READY=1\nSTATUS=ü\n");
      await said.cancel();
      await child.status;
      Deno.removeSync(base, { recursive: true });
    },
  );
}

Deno.test("notifyManager() is false where nobody listens", () => {
  strictEqual(notifyManager("/nowhere/at/all", "READY=1"), false);
  strictEqual(notifyManager("vsock:2:1", "READY=1"), false);
});

Deno.test("lowerPriority() means the thread that asks, and those it starts", { ignore: !IS_LINUX }, async () => {
  const script = new URL("./priority_worker.ts", import.meta.url);
  using worker = disposable(new Worker(script, { type: "module" }));
  const heard = new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
  deepStrictEqual(await heard, { failed: [], own: "19", started: "19" });
});

function disposable(worker: Worker): Worker & Disposable {
  return Object.assign(worker, { [Symbol.dispose]: () => worker.terminate() });
}

Deno.test("watchDirectory() hears of a new file, and nothing once it is disposed", async () => {
  const path = Deno.makeTempDirSync();
  let calls = 0;
  const heard = Promise.withResolvers<void>();
  const watching = watchDirectory(rawOf(path), () => {
    calls++;
    heard.resolve();
  });
  Deno.writeTextFileSync(`${path}/a`, "x");
  await heard.promise;
  watching[Symbol.dispose]();
  await new Promise((wake) => setTimeout(wake, 50));
  const before = calls;
  Deno.writeTextFileSync(`${path}/b`, "x");
  await new Promise((wake) => setTimeout(wake, 50));
  strictEqual(calls, before);
  watchDirectory(rawOf("/nowhere/at/all"), () => {})[Symbol.dispose]();
  Deno.removeSync(path, { recursive: true });
});

Deno.test("onHangup() hears SIGHUP again and again", { ignore: IS_WINDOWS }, async () => {
  let calls = 0;
  {
    using _ = onHangup(() => calls++);
    for (let i = 1; i <= 2; i++) {
      Deno.kill(Deno.pid, "SIGHUP");
      for (let wait = 0; calls < i && wait < 100; wait++) await new Promise((wake) => setTimeout(wake, 5));
    }
  }
  ok(calls === 2);
});
