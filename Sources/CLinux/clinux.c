#define _GNU_SOURCE
#include "clinux.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int adit_tty_make_raw(int fd) {
    struct termios2 mode;
    if (ioctl(fd, TCGETS2, &mode) != 0) return errno;
    mode.c_iflag = 0;
    mode.c_oflag = 0;
    mode.c_lflag = 0;
    mode.c_cflag &= ~(CSIZE | PARENB | PARODD | CSTOPB | CRTSCTS | HUPCL);
    mode.c_cflag |= CS8 | CREAD | CLOCAL;
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    return ioctl(fd, TCSETS2, &mode) == 0 ? 0 : errno;
}

int adit_tty_set_baud(int fd, uint32_t rate, uint32_t *actual) {
    struct termios2 mode;
    if (rate == 0) return EINVAL;
    if (ioctl(fd, TCGETS2, &mode) != 0) return errno;
    mode.c_cflag &= ~(CBAUD | (CBAUD << IBSHIFT));
    mode.c_cflag |= BOTHER | (BOTHER << IBSHIFT);
    mode.c_ispeed = rate;
    mode.c_ospeed = rate;
    if (ioctl(fd, TCSETS2, &mode) != 0) return errno;
    return adit_tty_baud(fd, actual);
}

int adit_tty_baud(int fd, uint32_t *rate) {
    struct termios2 mode;
    if (ioctl(fd, TCGETS2, &mode) != 0) return errno;
    *rate = mode.c_ospeed;
    return 0;
}

// The majors of Unix98 pseudo-terminal slaves: Documentation/admin-guide/devices.txt of the kernel.
static int is_pty_slave(int fd) {
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISCHR(info.st_mode)) return 0;
    return major(info.st_rdev) >= 136 && major(info.st_rdev) <= 143;
}

int adit_tty_lock(int fd) {
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) return errno == EWOULDBLOCK ? EBUSY : errno;
    if (is_pty_slave(fd) || ioctl(fd, TIOCEXCL) == 0) return 0;
    int error = errno;
    flock(fd, LOCK_UN);
    return error;
}

int adit_tty_unlock(int fd) {
    int error = is_pty_slave(fd) || ioctl(fd, TIOCNXCL) == 0 ? 0 : errno;
    if (flock(fd, LOCK_UN) != 0 && error == 0) error = errno;
    return error;
}

int adit_tty_discard_input(int fd) { return ioctl(fd, TCFLSH, TCIFLUSH) == 0 ? 0 : errno; }

int adit_tty_unsent(int fd, int *bytes) {
    int count = 0;
    if (ioctl(fd, TIOCOUTQ, &count) != 0) return errno;
    *bytes = count;
    return 0;
}

int adit_tty_columns(int fd, int *columns) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) != 0) return errno;
    *columns = size.ws_col;
    return 0;
}

int adit_pty_open(int *master, int *slave, char *path, size_t capacity) {
    int error;
    int far = -1;
    int near = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (near < 0) return errno;
    if (grantpt(near) != 0 || unlockpt(near) != 0) {
        error = errno;
        goto failed;
    }
    error = ptsname_r(near, path, capacity);
    if (error != 0) goto failed;
    far = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (far < 0) {
        error = errno;
        goto failed;
    }
    error = adit_tty_make_raw(far);
    if (error != 0) goto failed;
    *master = near;
    *slave = far;
    return 0;

failed:
    if (far >= 0) close(far);
    close(near);
    return error;
}
