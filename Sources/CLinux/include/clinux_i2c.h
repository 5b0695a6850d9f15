// What Adit needs of /dev/i2c-* and Swift cannot import: the ioctl I2C_RDWR and its structures.
//
// The contract is that of clinux.h: 0 or a positive errno value, nothing allocated, no state. These two may wait: the
// kernel's bus driver gives a transfer up by itself, after `adit_i2c_set_timeout`.
#ifndef ADIT_CLINUX_I2C_H
#define ADIT_CLINUX_I2C_H

#include <stddef.h>
#include <stdint.h>

/// One transfer: writes `sent_count` bytes, where there are any, then reads `count` bytes after a repeated start, where
/// there are any. `address` has seven bits. EINVAL when there is nothing to do or an address or length is too large
/// (8192 bytes is the kernel's own limit); ENOTTY when `fd` is no bus; ENXIO or EREMOTEIO when nobody acknowledged.
int adit_i2c_transfer(
    int fd, uint8_t address, const uint8_t *sent, size_t sent_count, uint8_t *received, size_t count);

/// How long the kernel waits for the bus in a transfer, in milliseconds, rounded up to tens; it does not try twice.
int adit_i2c_set_timeout(int fd, uint32_t milliseconds);

#endif
