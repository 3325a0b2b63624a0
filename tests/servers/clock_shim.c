/* Which time of day does a process see that was started with this library in LD_PRELOAD?
 *
 * The real one plus the nanoseconds in the file that CLOCK_SHIM_OFFSET_FILE names (one native int64, mapped, so that a
 * change is seen at once). Only CLOCK_REALTIME moves; monotonic clocks and time-outs stay true. The calls go to the
 * kernel by syscall(2): looking up the next definition with dlsym would allocate, and jemalloc reads the clock while
 * it is being set up.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS 1000000000LL

static const int64_t *offset;

__attribute__((constructor)) static void map_offset(void) {
  const char *path = getenv("CLOCK_SHIM_OFFSET_FILE");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *page = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (page != MAP_FAILED) offset = page;
}

static int is_time_of_day(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }

int clock_gettime(clockid_t clock, struct timespec *now) {
  long result = syscall(SYS_clock_gettime, clock, now);
  if (result != 0 || !offset || !is_time_of_day(clock)) return (int)result;
  int64_t shifted = now->tv_sec * NANOSECONDS + now->tv_nsec + __atomic_load_n(offset, __ATOMIC_RELAXED);
  now->tv_sec = shifted / NANOSECONDS;
  now->tv_nsec = shifted % NANOSECONDS;
  return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone;
  struct timespec precise;
  if (clock_gettime(CLOCK_REALTIME, &precise) != 0) return -1;
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *out) {
  struct timespec precise;
  if (clock_gettime(CLOCK_REALTIME, &precise) != 0) return -1;
  if (out) *out = precise.tv_sec;
  return precise.tv_sec;
}
