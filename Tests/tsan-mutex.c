// Tells ThreadSanitizer of the contended paths of Synchronization.Mutex, which lie in the Swift runtime's own,
// uninstrumented library; without it every contended Mutex looks like a race. Linked by `Tests/run --sanitize thread`.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define SELF __attribute__((swift_context)) void *handle

typedef __attribute__((swiftcall)) void (*lock_function)(uint32_t thread, SELF);
typedef __attribute__((swiftcall)) void (*unlock_function)(SELF);

uint32_t __tsan_atomic32_load(const volatile uint32_t *address, int order);
void __tsan_release(void *address);

__attribute__((swiftcall)) void lock_slow(uint32_t thread, SELF) __asm__(LOCK_SLOW);
__attribute__((swiftcall)) void unlock_slow(SELF) __asm__(UNLOCK_SLOW);

__attribute__((swiftcall)) void lock_slow(uint32_t thread, SELF) {
  lock_function next = (lock_function)dlsym(RTLD_NEXT, LOCK_SLOW);
  next(thread, handle);
  // Not __tsan_acquire: it does nothing where no unlock is noted yet, and the first one may be just being noted.
  (void)__tsan_atomic32_load(handle, __ATOMIC_ACQUIRE);
}

__attribute__((swiftcall)) void unlock_slow(SELF) {
  unlock_function next = (unlock_function)dlsym(RTLD_NEXT, UNLOCK_SLOW);
  __tsan_release(handle);
  next(handle);
}
