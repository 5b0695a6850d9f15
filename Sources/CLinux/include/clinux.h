// What Adit needs of Linux terminals and Swift cannot import: ioctls are variadic, and the kernel's termios2,
// which knows any baud rate, collides with libc's termios.
//
// Contract. Every function returns 0 or a positive errno value, and leaves its out-parameters alone when it
// fails. No function allocates, keeps state, closes a descriptor it was given, or waits: none drains output.
// (A USB driver may ask its device before it answers `adit_tty_set_baud`; the kernel bounds that.) No
// function sets or clears a modem line (DTR, RTS, break). Descriptors must be open; pointers must not be
// null.
#ifndef ADIT_CLINUX_H
#define ADIT_CLINUX_H

#include <stddef.h>
#include <stdint.h>

/// Raw mode: 8 data bits, no parity, 1 stop bit, no flow control, no echo, no line editing, no signal
/// characters, receiver on, carrier ignored. A read returns as soon as one byte is there. The last close does
/// not drop the modem lines. The rate stays as it was. ENOTTY when `fd` is no terminal.
int adit_tty_make_raw(int fd);

/// Asks for `rate` symbols a second in both directions, at once, without waiting for output, and reads back
/// what the kernel set: `*actual` may differ from `rate`. EINVAL when `rate` is 0, which would mean "hang
/// up".
int adit_tty_set_baud(int fd, uint32_t rate, uint32_t *actual);

/// The rate of the terminal's output side, in symbols a second.
int adit_tty_baud(int fd, uint32_t *rate);

/// Takes the terminal for this open file: an flock, which every Adit process asks for, and TIOCEXCL, which
/// makes the kernel refuse other programs' open(). EBUSY when another open file has the lock. A
/// pseudo-terminal gets the flock only: its TIOCEXCL would outlive us, since the emulator keeps the slave
/// open.
int adit_tty_lock(int fd);

/// Undoes `adit_tty_lock`.
int adit_tty_unlock(int fd);

/// Forgets the bytes that arrived and were not read yet.
int adit_tty_discard_input(int fd);

/// Bytes that the kernel has taken and not yet handed to the hardware.
int adit_tty_unsent(int fd, int *bytes);

/// Width of the terminal in characters.
int adit_tty_columns(int fd, int *columns);

/// A new pseudo-terminal: both ends open, close-on-exec, the slave raw. The slave's path, with its final 0
/// byte, goes to `path`, which holds `capacity` bytes; ERANGE when it is too short.
int adit_pty_open(int *master, int *slave, char *path, size_t capacity);

#endif
