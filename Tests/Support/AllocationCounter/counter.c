#define _GNU_SOURCE
#include "AllocationCounter.h"

#include <dlfcn.h>
#include <malloc.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

enum { PLACES_MAX = 256 };

static __thread struct {
  bool counting;
  size_t places;
  void *address[PLACES_MAX];
  uint64_t calls[PLACES_MAX];
} table;

void allocation_counter_begin(void) {
  memset(&table, 0, sizeof table);
  table.counting = true;
}
void allocation_counter_end(void) { table.counting = false; }
size_t allocation_counter_places(void) { return table.places; }
uint64_t allocation_counter_calls(size_t place) { return table.calls[place]; }

const char *allocation_counter_library(size_t place) {
  Dl_info info;
  if (!dladdr(table.address[place], &info) || !info.dli_fname) return NULL;
  const char *slash = strrchr(info.dli_fname, '/');
  return slash ? slash + 1 : info.dli_fname;
}

size_t allocation_counter_bytes(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

#ifdef SANITIZED
const bool allocation_counter_works = false;
#else
const bool allocation_counter_works = true;

static void count(void *caller) {
  if (!table.counting) return;
  size_t place = 0;
  while (place < table.places && table.address[place] != caller) place++;
  if (place == table.places) {
    if (place == PLACES_MAX) place--;
    else table.places++;
    table.address[place] = caller;
  }
  table.calls[place]++;
}

// The program's definitions come before those of the C library for every library in the process.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);

void *malloc(size_t size) {
  count(__builtin_return_address(0));
  return __libc_malloc(size);
}
void *calloc(size_t number, size_t size) {
  count(__builtin_return_address(0));
  return __libc_calloc(number, size);
}
void *realloc(void *pointer, size_t size) {
  count(__builtin_return_address(0));
  return __libc_realloc(pointer, size);
}
#endif
