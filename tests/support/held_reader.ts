/** A reading thread whose long work stands still, in a call of the system, until somebody writes to the pipe `gate`. */
import { serveReading } from "../../src/server/reader/worker.ts";
import type { ToReader } from "../../src/server/reader/protocol.ts";
import { RepositoryReader } from "../../src/server/reader/repository_reader.ts";

const early: MessageEvent<ToReader>[] = [];
let isServing = false;

/** Holds the whole thread: no other answer of it can come. @param location of the storage, beside which the gate lies */
function hold(location: string): void {
  Deno.readFileSync(`${location}/../gate`);
}

function serve(location: string): void {
  const { search, planBackup } = RepositoryReader.prototype;
  RepositoryReader.prototype.search = function (request) {
    hold(location);
    return search.call(this, request);
  };
  RepositoryReader.prototype.planBackup = function (request) {
    hold(location);
    return planBackup.call(this, request);
  };
  serveReading(early);
}

Object.assign(globalThis, {
  onmessage(event: MessageEvent<ToReader>) {
    early.push(event);
    if (isServing || event.data.type !== "setup") return;
    isServing = true;
    serve(event.data.setup.location);
  },
});
