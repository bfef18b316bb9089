/** Sums the numbers in files f0 to f199 of a directory, over and over. */
import { type Raw, rawOf } from "../../src/core/raw.ts";
import { openLinuxDisk } from "../../src/platform/linux_disk.ts";

const scope = globalThis as unknown as Worker;

scope.onmessage = ({ data }: MessageEvent<string>) => {
  using dir = openLinuxDisk()!.openDir(data as Raw);
  const sums = Array.from({ length: 20 }, () => sumOf(dir));
  scope.postMessage(sums.every((sum) => sum === sums[0]) ? sums[0] : "unequal");
};

function sumOf(dir: Pick<ReturnType<NonNullable<ReturnType<typeof openLinuxDisk>>["openDir"]>, "open">): number {
  const into = new Uint8Array(10);
  let sum = 0;
  for (let i = 0; i < 200; i++) {
    using file = dir.open(rawOf(`f${i}`))!;
    sum += Number(new TextDecoder().decode(into.subarray(0, file.read(into, 0))));
  }
  return sum;
}
