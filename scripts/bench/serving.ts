/** A server in a process of its own, and what it has used so far, by `/proc`. */
import type { Command } from "./works.ts";

const TICKS = 100;

export interface Serving extends AsyncDisposable {
  /** With a slash at the end. */
  readonly url: string;
  cpuSeconds(): number;
  megabytes(): number;
  /** The most that it ever had. */
  peakMegabytes(): number;
}

/** Starts a server, and waits until it says where it listens. */
export async function startServing({ argv: [program = "", ...args], env = {} }: Command): Promise<Serving> {
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", 'exec "$@" 2>&1', "sh", program, ...args],
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const found = Promise.withResolvers<string>();
  const following = (async () => {
    let said = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      said = (said + text).slice(-10_000);
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
      if (url !== undefined) found.resolve(`${url}/`);
    }
    found.reject(new Error(said));
  })();
  const url = await found.promise, { pid } = child;
  const status = (key: string) => {
    const line = new RegExp(`${key}:\\s+(\\d+)`).exec(Deno.readTextFileSync(`/proc/${pid}/status`));
    return Math.round(Number(line?.[1]) / 1024);
  };
  return {
    url,
    cpuSeconds() {
      const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /s, "").split(" ");
      return (Number(fields[11]) + Number(fields[12])) / TICKS;
    },
    megabytes: () => status("VmRSS"),
    peakMegabytes: () => status("VmHWM"),
    async [Symbol.asyncDispose]() {
      child.kill();
      await Promise.all([child.status, following]);
    },
  };
}

export async function stopped(seconds: number): Promise<void> {
  await new Promise((wake) => setTimeout(wake, seconds * 1000));
}
