/* Loaded before libc: one call fails on files of one path, from the FAULT_FROM-th such call on until
   before the FAULT_UNTIL-th. This is how a disk fails a process that did nothing wrong. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(const char *call, int fd)
{
    static atomic_long calls;
    const char *wanted = getenv("FAULT_CALL");
    char link[64], path[4096];
    if (!wanted || strcmp(wanted, call) != 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    if (!strstr(path, getenv("FAULT_PATH")))
        return 0;
    long at = atomic_fetch_add(&calls, 1) + 1;
    if (at < atol(getenv("FAULT_FROM")) || at >= atol(getenv("FAULT_UNTIL")))
        return 0;
    errno = atoi(getenv("FAULT_ERRNO"));
    return 1;
}

int fdatasync(int fd)
{
    return fails("fdatasync", fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return fails("fsync", fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    return fails("write", fd) ? -1 : syscall(SYS_write, fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset)
{
    return fails("pwrite64", fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, count, offset);
}
