// Which parts of Linux does Swift not see by itself? The headers outside its Glibc module, and calls those hide.
#ifndef POINTSMAN_CLINUX_H
#define POINTSMAN_CLINUX_H

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

// Declared here because glibc shows them only to sources that ask for its extensions before any other header.
extern int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);
extern int pthread_setname_np(pthread_t thread, const char *name);
extern int sched_getaffinity(pid_t process, size_t size, cpu_set_t *set);

/// SO_PEERCRED's answer (glibc's struct ucred, which is such an extension, too).
struct clinux_credentials {
    int32_t pid;
    uint32_t uid;
    uint32_t gid;
};

// The calls of each transaction, without what glibc does around them to let other threads cancel this one: two atomic
// operations for each. No thread of this program is ever cancelled.

static inline long clinux_receive(int descriptor, void *room, size_t size, int flags) {
    return syscall(SYS_recvfrom, descriptor, room, size, flags, NULL, NULL);
}

static inline long clinux_send(int descriptor, const void *bytes, size_t size, int flags) {
    return syscall(SYS_sendto, descriptor, bytes, size, flags, NULL, 0);
}

static inline long clinux_epoll_wait(int poller, struct epoll_event *events, int capacity, int milliseconds) {
    return syscall(SYS_epoll_pwait, poller, events, capacity, milliseconds, NULL, 0);
}

/// Gives a timer another interval, which begins now; 0, or -1.
static inline int clinux_set_ticker(int descriptor, uint64_t nanoseconds) {
    struct timespec interval = {.tv_sec = (time_t)(nanoseconds / 1000000000), .tv_nsec = (long)(nanoseconds % 1000000000)};
    struct itimerspec times = {.it_interval = interval, .it_value = interval};
    return timerfd_settime(descriptor, 0, &times, NULL);
}

/// A descriptor that becomes readable again and again, `nanoseconds` apart; or -1.
static inline int clinux_open_ticker(uint64_t nanoseconds) {
    int descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (descriptor < 0) return -1;
    return clinux_set_ticker(descriptor, nanoseconds) == 0 ? descriptor : -1;
}

/// How many processors this thread may run on, or -1.
static inline int clinux_allowed_cpu_count(void) {
    unsigned long mask[128] = {0};  // 8192 processors, as many as a kernel can be built for on x86
    if (sched_getaffinity(0, sizeof(mask), (cpu_set_t *)mask) != 0) return -1;
    int count = 0;
    for (unsigned i = 0; i < sizeof(mask) / sizeof(mask[0]); i++) count += __builtin_popcountl(mask[i]);
    return count;
}

#endif
