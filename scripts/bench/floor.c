/*
 * The floor under a first backup: what the kernel and SHA-256 need, if nothing else is done. Each file is read once,
 * hashed, written under its hash if that is new, and linked into a tree; nothing is remembered, compared or compressed.
 *
 *   floor SOURCE STORE THREADS
 *
 * Threads take one directory after the other. Ends when the disk has everything.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 1 << 20, LEAVES = 256, HASH = 32, MOST_THREADS = 64, LONGEST_PATH = 4096 };

static int source, tree, leaves[LEAVES], temporary;
static char **directories;
static size_t count, room;
static atomic_size_t next_directory;

static int open_directory(int parent, const char *path) {
  int fd = openat(parent, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) err(1, "%s", path);
  return fd;
}

static int make_directory(int parent, const char *path) {
  if (mkdirat(parent, path, 0755) < 0 && errno != EEXIST) err(1, "%s", path);
  return open_directory(parent, path);
}

static void note(const char *path) {
  if (count == room) {
    room = room == 0 ? 1024 : 2 * room;
    directories = realloc(directories, room * sizeof *directories);
  }
  if (directories == NULL || (directories[count++] = strdup(path)) == NULL) err(1, "memory");
}

/* Notes all directories of the source, and makes them in the tree. */
static void walk(int fd, const char *path) {
  DIR *stream = fdopendir(dup(fd));
  if (stream == NULL) err(1, "%s", path);
  note(path);
  for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
    if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    char inner[LONGEST_PATH];
    snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
    close(make_directory(tree, inner));
    int below = open_directory(fd, entry->d_name);
    walk(below, inner);
    close(below);
  }
  closedir(stream);
}

struct worker {
  EVP_MD_CTX *hash;
  unsigned char *piece;
  char name[32];
};

static void write_all(int fd, const unsigned char *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t written = write(fd, bytes + done, length - done);
    if (written < 0) err(1, "write");
    done += (size_t)written;
  }
}

static void name_of(struct worker *self, char hex[2 * HASH + 1], unsigned char *first) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  EVP_DigestFinal_ex(self->hash, digest, NULL);
  for (int i = 0; i < HASH; i++) sprintf(hex + 2 * i, "%02x", digest[i]);
  *first = digest[0];
}

static void finish(int fd, const struct statx *facts) {
  struct timespec times[2] = {{0, UTIME_OMIT}, {facts->stx_mtime.tv_sec, facts->stx_mtime.tv_nsec}};
  futimens(fd, times);
  close(fd);
}

/* What fits into one piece is hashed first, so that what is there already isn't written. */
static void store(struct worker *self, int from, const struct statx *facts, int into, const char *name) {
  char hex[2 * HASH + 1];
  unsigned char first;
  EVP_DigestInit_ex(self->hash, EVP_sha256(), NULL);
  ssize_t length = read(from, self->piece, PIECE);
  if (length < 0) err(1, "%s", name);
  EVP_DigestUpdate(self->hash, self->piece, (size_t)length);
  if (length < PIECE) {
    name_of(self, hex, &first);
    int to = openat(leaves[first], hex + 2, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (to >= 0) {
      write_all(to, self->piece, (size_t)length);
      finish(to, facts);
    }
  } else {
    int to = openat(temporary, self->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (to < 0) err(1, "%s", self->name);
    do {
      write_all(to, self->piece, (size_t)length);
      length = read(from, self->piece, PIECE);
      if (length > 0) EVP_DigestUpdate(self->hash, self->piece, (size_t)length);
    } while (length > 0);
    name_of(self, hex, &first);
    fchmod(to, 0444);
    finish(to, facts);
    if (renameat(temporary, self->name, leaves[first], hex + 2) < 0) err(1, "%s", name);
  }
  if (linkat(leaves[first], hex + 2, into, name, 0) < 0) err(1, "%s", name);
}

static void store_directory(struct worker *self, const char *path) {
  int from = open_directory(source, path), into = open_directory(tree, path);
  DIR *stream = fdopendir(dup(from));
  if (stream == NULL) err(1, "%s", path);
  for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
    if (entry->d_type != DT_REG) continue;
    struct statx facts;
    if (statx(from, entry->d_name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &facts) < 0) err(1, "%s", entry->d_name);
    int fd = openat(from, entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) err(1, "%s", entry->d_name);
    store(self, fd, &facts, into, entry->d_name);
    close(fd);
  }
  closedir(stream);
  close(from);
  close(into);
}

static void *work(void *argument) {
  struct worker *self = argument;
  for (size_t at; (at = atomic_fetch_add(&next_directory, 1)) < count;) store_directory(self, directories[at]);
  return NULL;
}

int main(int argc, char **argv) {
  int threads = argc == 4 ? atoi(argv[3]) : 0;
  if (threads < 1 || threads > MOST_THREADS) errx(2, "usage: floor SOURCE STORE THREADS (1 to %d)", MOST_THREADS);
  source = open_directory(AT_FDCWD, argv[1]);
  int top = make_directory(AT_FDCWD, argv[2]), content = make_directory(top, "content");
  tree = make_directory(top, "tree");
  temporary = make_directory(top, "tmp");
  for (int i = 0; i < LEAVES; i++) {
    char name[3];
    snprintf(name, sizeof name, "%02x", i);
    leaves[i] = make_directory(content, name);
  }
  walk(source, ".");
  pthread_t running[MOST_THREADS];
  struct worker workers[MOST_THREADS];
  for (int i = 0; i < threads; i++) {
    workers[i] = (struct worker){EVP_MD_CTX_new(), malloc(PIECE), ""};
    snprintf(workers[i].name, sizeof workers[i].name, "%d", i);
    if (workers[i].piece == NULL || pthread_create(&running[i], NULL, work, &workers[i]) != 0) errx(1, "no thread");
  }
  for (int i = 0; i < threads; i++) pthread_join(running[i], NULL);
  if (syncfs(content) < 0) err(1, "%s", argv[2]);
  return 0;
}
