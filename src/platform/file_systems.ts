/** What `f_type` of statfs(2) on Linux tells about a file system. */

/** Inode numbers or change times don't last: network, FUSE, and FAT, which makes its numbers up. */
const UNRELIABLE: ReadonlySet<number> = new Set([
  0x6969, // nfs
  0x517b, // smb
  0xff534d42, // cifs
  0xfe534d42, // smb2
  0x65735546, // fuse
  0x01021997, // 9p
  0x00c36400, // ceph
  0x5346414f, // afs
  0x6b414653, // kafs
  0x73757245, // coda
  0x564c, // ncp
  0x4d44, // vfat
  0x2011bab0, // exfat
]);

/** @param type the lower 32 bits of `f_type` */
export function hasLastingInodes(type: number): boolean {
  return !UNRELIABLE.has(type >>> 0);
}
