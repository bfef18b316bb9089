/** Mounting for tests: only root may, and not in every container. */
import { canMount, has } from "./needs.ts";
import { run } from "./world.ts";

export const CAN_MOUNT = canMount("tmpfs") && canMount("bind");
/** bindfs shows a directory at another place as another device, as mergerfs and network shares do. */
export const CAN_BINDFS = CAN_MOUNT && has("bindfs");
/** A union of directories, as containers have it. */
export const CAN_OVERLAY = CAN_MOUNT && Deno.readTextFileSync("/proc/filesystems").includes("overlay");

/** Takes away what it mounted, last first, whatever became of the test. */
export class Mounts implements Disposable {
  readonly #points: string[] = [];

  [Symbol.dispose](): void {
    for (const point of this.#points.reverse()) run("umount", "-l", point);
  }

  tmpfs(point: string): void {
    this.#mount(point, "mount", "-t", "tmpfs", "none", point);
  }

  bind(directory: string, point: string): void {
    this.#mount(point, "mount", "--bind", directory, point);
  }

  bindfs(directory: string, point: string): void {
    this.#mount(point, "bindfs", directory, point);
  }

  overlay(lower: string, upper: string, work: string, point: string): void {
    const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    this.#mount(point, "mount", "-t", "overlay", "none", "-o", options, point);
  }

  #mount(point: string, program: string, ...args: string[]): void {
    run(program, ...args);
    this.#points.push(point);
  }
}
