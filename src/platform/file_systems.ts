/** What the `f_type` of statfs(2) on Linux reveals about a file system. */

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

/** True if inode numbers are stable on that type of file system. @param type the lower 32 bits of `f_type` */
export function hasLastingInodes(type: number): boolean {
  return !UNRELIABLE.has(type >>> 0);
}

const NAMES: Readonly<Record<number, string>> = {
  0xef53: "ext2, ext3 or ext4",
  0x9123683e: "btrfs",
  0x58465342: "xfs",
  0x2fc12fc1: "zfs",
  0xca451a4e: "bcachefs",
  0xf2f52010: "f2fs",
  0x01021994: "tmpfs",
  0x794c7630: "overlay",
  0x61756673: "aufs",
  0x5346544e: "ntfs",
  0x7366746e: "ntfs3",
  0x4d44: "vfat",
  0x2011bab0: "exfat",
  0x9660: "iso9660",
  0x73717368: "squashfs",
  0x6969: "nfs",
  0x517b: "smb",
  0xff534d42: "cifs",
  0xfe534d42: "smb2",
  0x65735546: "fuse",
  0x01021997: "9p",
  0x00c36400: "ceph",
};

/** Name of that type of file system. @param type the lower 32 bits of `f_type` */
export function fileSystemName(type: number): string {
  return NAMES[type >>> 0] ?? `0x${(type >>> 0).toString(16)}`;
}
