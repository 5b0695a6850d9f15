#include "clinux_i2c.h"

#include <errno.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <sys/ioctl.h>

// The kernel refuses longer messages.
enum { longest = 8192 };

int adit_i2c_transfer(
    int fd, uint8_t address, const uint8_t *sent, size_t sent_count, uint8_t *received, size_t count) {
    if (address > 0x7F || sent_count > longest || count > longest) return EINVAL;
    struct i2c_msg messages[2];
    struct i2c_rdwr_ioctl_data transfer = {.msgs = messages, .nmsgs = 0};
    if (sent_count > 0) {
        // The kernel only reads from a message without I2C_M_RD.
        messages[transfer.nmsgs++] = (struct i2c_msg){
            .addr = address, .flags = 0, .len = (uint16_t)sent_count, .buf = (uint8_t *)sent};
    }
    if (count > 0) {
        messages[transfer.nmsgs++] = (struct i2c_msg){
            .addr = address, .flags = I2C_M_RD, .len = (uint16_t)count, .buf = received};
    }
    if (transfer.nmsgs == 0) return EINVAL;
    int done = ioctl(fd, I2C_RDWR, &transfer);
    if (done < 0) return errno;
    return (unsigned)done == transfer.nmsgs ? 0 : EIO;
}

int adit_i2c_set_timeout(int fd, uint32_t milliseconds) {
    if (milliseconds == 0 || milliseconds > 60000) return EINVAL;
    if (ioctl(fd, I2C_TIMEOUT, (unsigned long)((milliseconds + 9) / 10)) != 0) return errno;
    return ioctl(fd, I2C_RETRIES, 0UL) == 0 ? 0 : errno;
}
