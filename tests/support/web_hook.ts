/** A server on loopback that keeps what it is sent. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

export class WebHook implements AsyncDisposable {
  readonly received: Received[] = [];
  /** What it answers. */
  answer: (request: Received) => Response = () => new Response("ok");
  /** Called once what came is noted. */
  heard: () => void = () => {};
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    const options = { port: 0, hostname: "127.0.0.1", onListen: () => {} };
    this.#server = Deno.serve(options, async (request) => {
      const { pathname, search } = new URL(request.url);
      const one = {
        method: request.method,
        path: pathname + search,
        headers: request.headers,
        body: await request.text(),
      };
      this.received.push(one);
      const response = this.answer(one);
      this.heard();
      return response;
    });
  }

  get host(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** A server that takes mail without encryption; keeps whole mails as they came. */
export class MailSink implements AsyncDisposable {
  readonly mails: string[] = [];
  readonly commands: string[] = [];
  readonly #listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  readonly #serving = this.#serve();

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const sessions: Promise<void>[] = [];
    for await (const connection of this.#listener) sessions.push(this.#talk(connection));
    await Promise.all(sessions);
  }

  async #talk(connection: Deno.Conn): Promise<void> {
    using _ = connection;
    const say = (line: string) => connection.write(new TextEncoder().encode(`${line}\r\n`));
    await say("220 sink");
    let mail: string[] | undefined;
    for await (const line of lines(connection)) {
      if (mail !== undefined) {
        if (line !== ".") mail.push(line);
        else {
          this.mails.push(mail.join("\n"));
          mail = undefined;
          await say("250 kept");
        }
        continue;
      }
      this.commands.push(line);
      if (/^DATA$/i.test(line)) mail = [];
      await say(answerTo(line));
      if (/^QUIT$/i.test(line)) return;
    }
  }
}

function answerTo(line: string): string {
  if (/^EHLO/i.test(line)) return "250-sink\r\n250 AUTH PLAIN";
  if (/^AUTH/i.test(line)) return "235 welcome";
  if (/^RCPT TO:<nobody@/i.test(line)) return "550 nobody of that name";
  if (/^DATA$/i.test(line)) return "354 go on";
  return /^QUIT$/i.test(line) ? "221 bye" : "250 ok";
}

async function* lines(connection: Deno.Conn): AsyncGenerator<string> {
  const buffer = new Uint8Array(4096), decoder = new TextDecoder();
  let text = "";
  for (let got: number | null; (got = await connection.read(buffer)) !== null;) {
    text += decoder.decode(buffer.subarray(0, got), { stream: true });
    const parts = text.split("\r\n");
    text = parts.pop() ?? "";
    yield* parts;
  }
}
