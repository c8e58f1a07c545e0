/* The firmware as a process of this computer: its serial line is file descriptors 0 and 1, its reset is to
 * execute itself again. Environment:
 *
 *   TINYSINE_LED_FD  file descriptor that gets a line "led <milliseconds since init> <brightness>" for each
 *                    change
 *   TINYSINE_NOINIT  file that keeps the fault record across resets; whoever plays the power supply removes
 *                    it. Without it, the record lasts as long as the process. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "config.h"
#include "tinysine/app.h"
#include "tinysine/fault.h"
#include "tinysine/port.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

int main(int argc, char **argv);

#define TS_HOST_GUARD_BYTES 16384 /* a multiple of the page on all but a few computers, which go without */

/* The guard below the stack is made inaccessible: an overflow faults, as it does on a chip. */
static struct {
    uint32_t guard[TS_HOST_GUARD_BYTES / 4];
    uint32_t stack[TS_STACK_BYTES / 4];
} ts_host_memory __attribute__((aligned(TS_HOST_GUARD_BYTES)));

static uint8_t ts_host_fault_stack[32768];

static struct {
    char **argv;
    struct timespec start;
    int noinit_fd;
    int led_fd;
    uint16_t in_at;
    uint16_t in_end;
    uint16_t out_end;
    uint8_t in[4096];
    uint8_t out[4096];
} ts_host = {.noinit_fd = -1, .led_fd = -1};

static uint64_t ts_host_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)(now.tv_sec - ts_host.start.tv_sec) * UINT64_C(1000000000) + (uint64_t)now.tv_nsec -
           (uint64_t)ts_host.start.tv_nsec;
}

/* Writes all of it; false when nobody reads. */
static bool ts_host_write_all(int fd, const void *bytes, size_t length) {
    const uint8_t *at = bytes;
    while (length != 0) {
        ssize_t written = write(fd, at, length);
        if (written > 0) {
            at += written;
            length -= (size_t)written;
        } else if (errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* The line is gone: the cable is out, and it was this process's only reason to run. */
static _Noreturn void ts_host_unplugged(void) {
    exit(0);
}

static void ts_host_flush(void) {
    uint16_t length = ts_host.out_end;
    ts_host.out_end = 0;
    if (!ts_host_write_all(1, ts_host.out, length)) {
        ts_host_unplugged();
    }
}

static void ts_host_write(uint8_t byte) {
    ts_host.out[ts_host.out_end++] = byte;
    if (ts_host.out_end == sizeof ts_host.out) {
        ts_host_flush();
    }
}

static int ts_host_read(void) {
    if (ts_host.in_at == ts_host.in_end) {
        ts_host_flush();
        struct pollfd wait = {.fd = 0, .events = POLLIN};
        if (poll(&wait, 1, 1) <= 0) {
            return -1;
        }
        ssize_t got = read(0, ts_host.in, sizeof ts_host.in);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
            return -1;
        }
        if (got <= 0) {
            ts_host_unplugged();
        }
        ts_host.in_at = 0;
        ts_host.in_end = (uint16_t)got;
    }
    return ts_host.in[ts_host.in_at++];
}

static uint32_t ts_host_overruns(void) {
    return 0; /* the kernel keeps what was not read yet */
}

static uint32_t ts_host_millis(void) {
    return (uint32_t)(ts_host_ns() / 1000000);
}

static void ts_host_led(uint8_t brightness) {
    static int shown = -1;
    if (ts_host.led_fd < 0 || shown == brightness) {
        return;
    }
    shown = brightness;
    char line[32];
    int length = snprintf(line, sizeof line, "led %" PRIu32 " %u\n", ts_host_millis(), brightness);
    if (!ts_host_write_all(ts_host.led_fd, line, (size_t)length)) {
        ts_host.led_fd = -1; /* nobody looks at the LED any more */
    }
}

static enum ts_counter ts_host_counter_start(void) {
    return TS_COUNTER_HOST_NS;
}

static uint32_t ts_host_counter_read(void) {
    return (uint32_t)ts_host_ns();
}

static void ts_host_counter_stop(void) {
}

/* "TWIN", as every chip made of software has it, and which one. */
static void ts_host_unique_id(uint32_t id[2]) {
    memcpy(id, "TWIN", 4);
    id[1] = (uint32_t)getpid();
}

static uint32_t ts_host_static_ram_bytes(void) {
    return UINT32_MAX; /* a process has libraries' data among its own */
}

/* Called from the fault handler too: nothing here that a signal handler must not call. */
static void ts_host_reset(void) {
    if (ts_host.noinit_fd >= 0) {
        struct ts_noinit copy;
        memcpy(&copy, (const void *)&ts_noinit, sizeof copy);
        (void)!pwrite(ts_host.noinit_fd, &copy, sizeof copy, 0);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, 0); /* a blocked signal would stay blocked across exec */
    execvp(ts_host.argv[0], ts_host.argv);
    _exit(127);
}

static void ts_host_fault(int signal, siginfo_t *info, void *context) {
    uint32_t details[7] = {0, 0, 0, 0, 0, 0, 0};
#if defined(__linux__) && defined(__x86_64__)
    details[0] = (uint32_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__linux__) && defined(__aarch64__)
    details[0] = (uint32_t)((ucontext_t *)context)->uc_mcontext.pc;
    details[1] = (uint32_t)((ucontext_t *)context)->uc_mcontext.regs[30];
#else
    (void)context;
#endif
    enum ts_fault_kind kind = TS_FAULT_USAGE;
    if (signal == SIGSEGV) {
        kind = TS_FAULT_MEMORY;
        details[5] = (uint32_t)(uintptr_t)info->si_addr;
    } else if (signal == SIGBUS) {
        kind = TS_FAULT_BUS;
        details[6] = (uint32_t)(uintptr_t)info->si_addr;
    }
    ts_fault_store(kind, details);
    ts_host_reset();
}

static void ts_host_catch_faults(void) {
    stack_t stack = {.ss_sp = ts_host_fault_stack, .ss_size = sizeof ts_host_fault_stack};
    sigaltstack(&stack, 0);
    struct sigaction action = {.sa_sigaction = ts_host_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        sigaction(signals[i], &action, 0);
    }
    signal(SIGPIPE, SIG_IGN); /* write() says so itself */
}

/* A terminal line as a UART has it: every byte as it is, and no echo. */
static void ts_host_make_raw(void) {
    struct termios line;
    if (tcgetattr(0, &line) == 0) {
        line.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON | IXOFF);
        line.c_oflag &= ~(tcflag_t)OPOST;
        line.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
        line.c_cflag = (line.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
        tcsetattr(0, TCSANOW, &line);
    }
}

/* "fd:N" in TINYSINE_NOINIT is how an unnamed file reaches this process's next life. */
static void ts_host_open_noinit(void) {
    const char *path = getenv("TINYSINE_NOINIT");
    if (path == 0) {
        char name[] = "/tmp/tinysine-noinit-XXXXXX";
        int fd = mkstemp(name);
        if (fd < 0) {
            return;
        }
        unlink(name);
        char value[16];
        snprintf(value, sizeof value, "fd:%d", fd);
        setenv("TINYSINE_NOINIT", value, 1);
        ts_host.noinit_fd = fd;
    } else if (strncmp(path, "fd:", 3) == 0) {
        ts_host.noinit_fd = atoi(path + 3);
    } else {
        ts_host.noinit_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    }
    struct ts_noinit copy;
    if (ts_host.noinit_fd >= 0 && pread(ts_host.noinit_fd, &copy, sizeof copy, 0) == (ssize_t)sizeof copy) {
        memcpy((void *)&ts_noinit, &copy, sizeof copy);
    }
}

static void ts_host_init(void) {
    ts_stage(TS_STAGE_CLOCKS);
    clock_gettime(CLOCK_MONOTONIC, &ts_host.start);
    ts_stage(TS_STAGE_PORT);
    ts_host_make_raw();
    const char *led_fd = getenv("TINYSINE_LED_FD");
    if (led_fd != 0) {
        ts_host.led_fd = atoi(led_fd);
    }
}

static void ts_host_run(void) {
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(0, 0, 0);
#endif
    ts_app_run();
}

int main(int argc, char **argv) {
    (void)argc;
    ts_host.argv = argv;
    ts_host_open_noinit();
    ts_host_catch_faults();
    mprotect(ts_host_memory.guard, sizeof ts_host_memory.guard, PROT_NONE);
    static ucontext_t here;
    static ucontext_t there;
    getcontext(&there);
    there.uc_stack.ss_sp = ts_host_memory.stack;
    there.uc_stack.ss_size = sizeof ts_host_memory.stack;
    there.uc_link = 0;
    makecontext(&there, ts_host_run, 0);
#ifdef __SANITIZE_ADDRESS__
    void *fake_stack;
    __sanitizer_start_switch_fiber(&fake_stack, ts_host_memory.stack, sizeof ts_host_memory.stack);
#endif
    swapcontext(&here, &there);
    return 1;
}

const struct ts_port ts_port = {
    .board = TS_BOARD_NAME,
    .init = ts_host_init,
    .read = ts_host_read,
    .write = ts_host_write,
    .flush = ts_host_flush,
    .overruns = ts_host_overruns,
    .led = ts_host_led,
    .millis = ts_host_millis,
    .counter_start = ts_host_counter_start,
    .counter_read = ts_host_counter_read,
    .counter_stop = ts_host_counter_stop,
    .clock_hz = 0,
    .counter_clock_hz = 1000000000,
    .unique_id = ts_host_unique_id,
    .reset = ts_host_reset,
    .stack_bottom = ts_host_memory.stack,
    .stack_top = ts_host_memory.stack + TS_STACK_BYTES / 4,
    .static_ram_bytes = ts_host_static_ram_bytes,
};
