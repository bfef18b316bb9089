/**
 * Reports the state of a service to systemd: sd_notify(3), which sends a datagram to a socket that the environment
 * names.
 */
import { bytesOf, type Raw, raw, rawOf, sliceRaw } from "../core/raw.ts";
import { loadLibc } from "./libc.ts";

const AF_UNIX = 1, SOCK_DGRAM = 2, SOCK_CLOEXEC = 0o2000000;
/** MSG_NOSIGNAL and MSG_DONTWAIT: a manager that doesn't listen must not hold anybody up. */
const FLAGS = 0x4000 | 0x40;
/** sizeof(sun_path) */
const LONGEST_ADDRESS = 108;

/**
 * Sends lines such as "READY=1".
 * @param address value of NOTIFY_SOCKET: a path, or "@name" for an abstract socket
 * @returns false if they could not be sent
 */
export function notifyManager(address: string, state: string): boolean {
  const libc = loadLibc();
  const name = rawOf(address);
  if (libc === undefined || !/^[/@]/.test(name) || name.length >= LONGEST_ADDRESS) return false;
  const socket = libc.call.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return false;
  try {
    const message = new TextEncoder().encode(state);
    const to = socketAddress(name);
    let sent: number;
    do sent = libc.call.sendto(socket, message, message.length, FLAGS, to, to.length); while (libc.again(sent));
    return sent === message.length;
  } finally {
    libc.call.close(socket);
  }
}

/** `struct sockaddr_un`; an abstract name begins with NUL and isn't ended by one. */
function socketAddress(name: Raw): Uint8Array<ArrayBuffer> {
  const isAbstract = name.startsWith("@");
  const address = new Uint8Array(2 + name.length + (isAbstract ? 0 : 1));
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(bytesOf(isAbstract ? raw`\0${sliceRaw(name, 1)}` : name), 2);
  return address;
}
