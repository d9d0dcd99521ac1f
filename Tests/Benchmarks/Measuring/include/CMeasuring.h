// What has the calling thread spent so far?
#ifndef CMEASURING_H
#define CMEASURING_H

/// Calls of malloc, calloc, realloc and their kin by the calling thread.
unsigned long measuring_allocations(void);

/// Processor time of the calling thread in nanoseconds.
unsigned long measuring_nanoseconds(void);

#endif
