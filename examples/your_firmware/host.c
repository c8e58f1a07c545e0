/* The line of a computer: a pseudo-terminal, whose name is printed. */
#define _XOPEN_SOURCE 600
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

void your_firmware(void);

static int line;

int get_byte(void) {
    uint8_t byte;
    if (read(line, &byte, 1) != 1) {
        exit(0); /* nobody is there any more */
    }
    return byte;
}

void put_byte(uint8_t byte) {
    if (write(line, &byte, 1) != 1) {
        exit(1);
    }
}

int main(void) {
    line = posix_openpt(O_RDWR | O_NOCTTY);
    if (line < 0 || grantpt(line) != 0 || unlockpt(line) != 0) {
        perror("no pseudo-terminal");
        return 1;
    }
    /* Kept open, so that the line stays between two users; raw, so that bytes pass as they are. */
    int other_end = open(ptsname(line), O_RDWR | O_NOCTTY);
    struct termios raw;
    if (other_end < 0 || tcgetattr(other_end, &raw) != 0) {
        perror("the other end");
        return 1;
    }
    raw.c_iflag = raw.c_oflag = raw.c_lflag = 0;
    tcsetattr(other_end, TCSANOW, &raw);
    printf("%s\n", ptsname(line));
    fflush(stdout);
    your_firmware();
}
