/* A shim for LD_PRELOAD: in cell processes (forked from the zygote), connect() to a Unix socket whose path contains
 * $PLANARIA_TEST_REFUSE is refused. The tests use it to cut cells off from each other, or from the coordinator, for real.
 * Built by the tests: cc -shared -fPIC -o refuse_connect.so refuse_connect.c -ldl */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int in_a_cell(void)
{
    char line[4096];
    int file = open("/proc/self/cmdline", O_RDONLY);
    if (file < 0)
        return 0;
    ssize_t size = read(file, line, sizeof line - 1);
    close(file);
    if (size <= 0)
        return 0;
    for (ssize_t i = 0; i < size; i++)
        if (line[i] == 0)
            line[i] = ' ';
    line[size] = 0;
    return strstr(line, "cellnode.zygote") != NULL;
}

int connect(int descriptor, const struct sockaddr *address, socklen_t length)
{
    static int (*real)(int, const struct sockaddr *, socklen_t);
    const char *refuse = getenv("PLANARIA_TEST_REFUSE");
    if (!real)
        real = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
    if (refuse && address->sa_family == AF_UNIX && strstr(((const struct sockaddr_un *)address)->sun_path, refuse) && in_a_cell()) {
        errno = ECONNREFUSED;
        return -1;
    }
    return real(descriptor, address, length);
}
