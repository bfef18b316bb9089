/*
 * Where the one-file executable begins. The file carries a dynamic loader and the C libraries that its program needs;
 * the kernel has mapped all of them with the program. What is left to do: give the loader each library as a file that it
 * can open, and have it believe that the kernel loaded the program in the ordinary way.
 *
 * Nothing here may need a library, a relocation or writable data. one_file.ts fills in the table, and puts the stub into
 * the executable; stub_bytes.ts has the machine code, and says how it was made.
 */
typedef unsigned long word;

struct library {
  word at;   /* address of its bytes */
  word size; /* in bytes */
  word path; /* address of PATH_BYTES zeros, for the name of the file that the loader is to open */
};

/* All addresses are as linked: what the kernel added to them is found by comparing `self` with where the table is. */
struct table {
  word self;
  word program;      /* entry point of the program */
  word headers;      /* program headers for the loader */
  word header_count;
  word loader;       /* where the loader's image begins */
  word loader_entry;
  word library_count;
  struct library libraries[4];
};

extern const struct table table __attribute__((visibility("hidden")));
extern const char loader_done[] __attribute__((visibility("hidden")));

__asm__(
  ".section .table, \"a\"\n"
  ".globl table\n.hidden table\n"
  "table: .zero 152\n"
  ".section .text.first, \"ax\"\n"
  ".globl first\n"
  /* From the kernel: the stack holds arguments, environment and auxiliary values, and must go on as it is. */
  "first: mov %rsp, %rbx\n"
  "  mov %rsp, %rdi\n"
  "  and $-16, %rsp\n"
  "  call before_loader\n"
  "  mov %rbx, %rsp\n"
  "  xor %edx, %edx\n"
  "  xor %ebx, %ebx\n"
  "  jmp *%rax\n"
  ".globl loader_done\n.hidden loader_done\n"
  /* From the loader, which passes a function for the end of the process in rdx. */
  "loader_done: push %rdx\n"
  "  sub $8, %rsp\n"
  "  lea 16(%rsp), %rdi\n"
  "  call before_program\n"
  "  add $8, %rsp\n"
  "  pop %rdx\n"
  "  jmp *%rax\n"
);

enum { SYS_write = 1, SYS_open = 2, SYS_close = 3, SYS_mmap = 9, SYS_munmap = 11, SYS_access = 21, SYS_fcntl = 72, SYS_unlink = 87,
  SYS_exit_group = 231, SYS_memfd_create = 319 };
enum { EINVAL = 22, ENFILE = 23, EMFILE = 24 };
enum { AT_PHDR = 3, AT_PHNUM = 5, AT_BASE = 7, AT_ENTRY = 9, AT_RANDOM = 25 };
enum { MFD_CLOEXEC = 1, MFD_NOEXEC_SEAL = 8 };
enum { O_RDWR = 02, O_CREAT = 0100, O_EXCL = 0200, O_NOFOLLOW = 0400000, O_CLOEXEC = 02000000 };
enum { F_DUPFD_CLOEXEC = 1030, READ_AND_EXECUTE = 5, MAP_PRIVATE = 2, MAY_READ = 4, FIRST_FREE = 3, PAGE = 4096 };

static long call6(long number, word a, word b, word c, word d, word e, word f) {
  register word r10 __asm__("r10") = d;
  register word r8 __asm__("r8") = e;
  register word r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
static long call3(long number, word a, word b, word c) { return call6(number, a, b, c, 0, 0, 0); }

/* Ends with the status that shells give to what can't be started. */
static void give_up(const char *message) {
  word length = 0;
  while (message[length]) length++;
  call3(SYS_write, 2, (word)message, length);
  for (;;) call3(SYS_exit_group, 127, 0, 0);
}

static char *append(char *to, const char *text) {
  while (*text) *to++ = *text++;
  *to = 0;
  return to;
}

/*
 * LD_PRELOAD and its like are meant for the C library of this system, not for the one in here: the loader must not see
 * them, but children of the program must.
 */
static void rename_variables(word *stack, char from, char to) {
  char **variable = (char **)(stack + *stack + 2);
  for (; *variable; variable++) {
    char *name = *variable;
    if (name[0] == from && name[1] == 'D' && name[2] == '_') name[0] = to;
  }
}
enum { HIDDEN = 1 };

/* Writes all of a library, and sees whether code may be mapped from there, which it may not be with `noexec`. */
static int is_filled(long file, const struct library *library, word moved) {
  const char *from = (const char *)(library->at + moved);
  for (word done = 0; done < library->size;) {
    long wrote = call3(SYS_write, file, (word)from + done, library->size - done);
    if (wrote <= 0) return 0;
    done += wrote;
  }
  long page = call6(SYS_mmap, 0, PAGE, READ_AND_EXECUTE, MAP_PRIVATE, file, 0);
  if (page < 0 && page > -PAGE) return 0;
  call3(SYS_munmap, page, PAGE, 0);
  return 1;
}

static long in_memory(void) {
  static const char name[] = "c-library";
  long file = call3(SYS_memfd_create, (word)name, MFD_CLOEXEC | MFD_NOEXEC_SEAL, 0);
  if (file == -EINVAL) file = call3(SYS_memfd_create, (word)name, MFD_CLOEXEC, 0); /* before Linux 6.3 */
  return file;
}

/* For kernels without memfd_create (before 3.17, or forbidden): a file whose name nobody can guess, and that it loses at once. */
static long nameless(const char *directory, word chance) {
  char path[64], *end = append(append(path, directory), "/.backup-tool-");
  for (int digit = 0; digit < 16; digit++) *end++ = 'a' + ((chance >> (4 * digit)) & 15);
  *end = 0;
  long file = call3(SYS_open, (word)path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file >= 0) call3(SYS_unlink, (word)path, 0, 0);
  return file;
}

static long as_file(const struct library *library, word moved, word chance) {
  static const char directories[][10] = { "", "/dev/shm", "/run", "/tmp", "/var/tmp", "." };
  for (word i = 0; i < sizeof directories / sizeof *directories; i++) {
    long file = i == 0 ? in_memory() : nameless(directories[i], chance);
    if (file == -EMFILE || file == -ENFILE) {
      give_up("backup-tool: too many open files: it needs at least 16 (ulimit -n)\n");
    }
    if (file < 0) continue;
    if (is_filled(file, library, moved)) return file;
    call3(SYS_close, file, 0, 0);
  }
  give_up("backup-tool: nowhere to put its C library: the kernel has no memfd_create, and code can't be run from /dev/shm, "
          "/run, /tmp, /var/tmp or the current directory\n");
  return -1;
}

/* A descriptor that isn't standard input or output, which may be closed. */
static long out_of_the_way(long file) {
  if (file >= FIRST_FREE) return file;
  long other = call3(SYS_fcntl, file, F_DUPFD_CLOEXEC, FIRST_FREE);
  call3(SYS_close, file, 0, 0);
  if (other < 0) give_up("backup-tool: too many open files: it needs at least 16 (ulimit -n)\n");
  return other;
}

static void write_path(char *to, long file) {
  char *end = append(to, "/proc/self/fd/");
  word scale = 1;
  while ((word)file / scale >= 10) scale *= 10;
  for (; scale; scale /= 10) *end++ = '0' + (word)file / scale % 10;
  *end = 0;
  if (call3(SYS_access, (word)to, MAY_READ, 0) < 0) {
    give_up("backup-tool: /proc is not mounted: mount -t proc proc /proc\n");
  }
}

/* What the kernel says to the loader: as if it had loaded the program and found the loader by its name. @returns chance */
static word correct_auxiliary(word *value, word moved) {
  word chance = 0;
  for (; value[0]; value += 2) {
    if (value[0] == AT_PHDR) value[1] = table.headers + moved;
    if (value[0] == AT_PHNUM) value[1] = table.header_count;
    if (value[0] == AT_BASE) value[1] = table.loader + moved;
    if (value[0] == AT_ENTRY) value[1] = (word)loader_done;
    if (value[0] == AT_RANDOM) chance = ((word *)value[1])[1];
  }
  return chance;
}

static word distance(void) { return (word)&table - table.self; }

__attribute__((visibility("hidden"))) word before_loader(word *stack) {
  word moved = distance(), *after = stack + *stack + 2;
  while (*after) after++;
  word chance = correct_auxiliary(after + 1, moved);
  rename_variables(stack, 'L', HIDDEN);
  for (word i = 0; i < table.library_count; i++) {
    const struct library *library = &table.libraries[i];
    write_path((char *)(library->path + moved), out_of_the_way(as_file(library, moved, chance ^ i)));
  }
  return table.loader_entry + moved;
}

__attribute__((visibility("hidden"))) word before_program(word *stack) {
  rename_variables(stack, HIDDEN, 'L');
  return table.program + distance();
}
