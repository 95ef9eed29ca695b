#include "CCares.h"

#include <ares.h>
#include <arpa/inet.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <arpa/nameser.h>

// c-ares 1.28 renamed what it calls deprecated; the old names serve both 1.18 and 1.34.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

enum { TIMED_OUT = 1000 };

static void initialize(void) { ares_library_init(ARES_LIB_INIT_ALL); }

static int open_channel(ares_channel *channel, const char *servers, int timeout_ms) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, initialize);
  // Two tries of every server within the whole time.
  struct ares_options options = {.timeout = timeout_ms / 3 > 100 ? timeout_ms / 3 : 100, .tries = 2};
  int status = ares_init_options(channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
  if (status != ARES_SUCCESS) return status;
  if (servers && *servers) {
    status = ares_set_servers_ports_csv(*channel, servers);
    if (status != ARES_SUCCESS) ares_destroy(*channel);
  }
  return status;
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Until nothing is asked any more, or the time is over: then what is asked is cancelled.
static void run(ares_channel channel, int timeout_ms) {
  int64_t deadline = now_ms() + timeout_ms;
  for (;;) {
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    int bits = ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
    struct pollfd polled[ARES_GETSOCK_MAXNUM];
    int count = 0;
    for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
      short events = (short)((ARES_GETSOCK_READABLE(bits, i) ? POLLIN : 0) | (ARES_GETSOCK_WRITABLE(bits, i) ? POLLOUT : 0));
      if (events) polled[count++] = (struct pollfd){.fd = sockets[i], .events = events};
    }
    if (count == 0) return;
    int64_t left = deadline - now_ms();
    if (left <= 0) {
      ares_cancel(channel);
      return;
    }
    struct timeval most = {left / 1000, (left % 1000) * 1000}, wait;
    struct timeval *until = ares_timeout(channel, &most, &wait);
    int ready = poll(polled, (nfds_t)count, (int)(until->tv_sec * 1000 + until->tv_usec / 1000) + 1);
    if (ready <= 0) ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    for (int i = 0; i < count && ready > 0; i++) {
      if (!polled[i].revents) continue;
      ares_process_fd(channel, polled[i].revents & ~POLLOUT ? polled[i].fd : ARES_SOCKET_BAD,
                      polled[i].revents & POLLOUT ? polled[i].fd : ARES_SOCKET_BAD);
    }
  }
}

struct addresses {
  ccares_address *found;
  int maximum, count, status;
};

static void on_addresses(void *context, int status, int timeouts, struct ares_addrinfo *result) {
  (void)timeouts;
  struct addresses *a = context;
  a->status = status == ARES_ECANCELLED ? TIMED_OUT : status;
  if (status != ARES_SUCCESS) return;
  // An answer lives no longer than the aliases that lead to it.
  int alias_ttl = INT_MAX;
  for (struct ares_addrinfo_cname *alias = result->cnames; alias; alias = alias->next)
    if (alias->ttl < alias_ttl) alias_ttl = alias->ttl;
  for (struct ares_addrinfo_node *node = result->nodes; node && a->count < a->maximum; node = node->ai_next) {
    ccares_address *one = &a->found[a->count];
    if (node->ai_family == AF_INET) {
      one->length = 4;
      memcpy(one->bytes, &((struct sockaddr_in *)node->ai_addr)->sin_addr, 4);
    } else if (node->ai_family == AF_INET6) {
      one->length = 16;
      memcpy(one->bytes, &((struct sockaddr_in6 *)node->ai_addr)->sin6_addr, 16);
    } else {
      continue;
    }
    int ttl = node->ai_ttl < alias_ttl ? node->ai_ttl : alias_ttl;
    one->ttl = ttl > 0 ? (uint32_t)ttl : 0;
    a->count++;
  }
  ares_freeaddrinfo(result);
}

int ccares_addresses(const char *name, int family, const char *servers, int timeout_ms, ccares_address *found,
                     int maximum) {
  ares_channel channel;
  int status = open_channel(&channel, servers, timeout_ms);
  if (status != ARES_SUCCESS) return -status;
  struct addresses a = {.found = found, .maximum = maximum, .status = TIMED_OUT};
  struct ares_addrinfo_hints hints = {.ai_family = family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC,
                                      .ai_socktype = SOCK_DGRAM};
  ares_getaddrinfo(channel, name, NULL, &hints, on_addresses, &a);
  run(channel, timeout_ms);
  ares_destroy(channel);
  return a.status == ARES_SUCCESS ? a.count : -a.status;
}

struct texts {
  ccares_text *found;
  int maximum, count, status;
};

static void on_texts(void *context, int status, int timeouts, unsigned char *answer, int length) {
  (void)timeouts;
  struct texts *t = context;
  t->status = status == ARES_ECANCELLED ? TIMED_OUT : status;
  if (status != ARES_SUCCESS) return;
  struct ares_txt_ext *list = NULL;
  t->status = ares_parse_txt_reply_ext(answer, length, &list);
  if (t->status != ARES_SUCCESS) return;
  int is_too_long = 0, is_open = 0;
  for (struct ares_txt_ext *part = list; part; part = part->next) {
    // A record is one or more strings of at most 255 bytes (RFC 1035 §3.3.14); the first is marked.
    if (part->record_start) {
      if (is_open && !is_too_long) t->count++;
      if (t->count >= t->maximum) break;
      t->found[t->count].length = 0;
      // c-ares 1.18 does not tell the TTL of a TXT record.
      t->found[t->count].ttl = 0;
      is_too_long = 0;
      is_open = 1;
    }
    ccares_text *one = &t->found[t->count];
    if (!is_open || one->length + part->length > CCARES_TEXT_BYTES_MAX) {
      is_too_long = 1;
      continue;
    }
    memcpy(one->bytes + one->length, part->txt, part->length);
    one->length = (uint16_t)(one->length + part->length);
  }
  if (is_open && !is_too_long && t->count < t->maximum) t->count++;
  ares_free_data(list);
}

int ccares_texts(const char *name, const char *servers, int timeout_ms, ccares_text *found, int maximum) {
  ares_channel channel;
  int status = open_channel(&channel, servers, timeout_ms);
  if (status != ARES_SUCCESS) return -status;
  struct texts t = {.found = found, .maximum = maximum, .status = TIMED_OUT};
  ares_query(channel, name, ns_c_in, ns_t_txt, on_texts, &t);
  run(channel, timeout_ms);
  ares_destroy(channel);
  return t.status == ARES_SUCCESS ? t.count : -t.status;
}

const char *ccares_words(int status) {
  return -status == TIMED_OUT ? "no answer in time" : ares_strerror(-status);
}

int ccares_check_servers(const char *servers) {
  ares_channel channel;
  int status = open_channel(&channel, servers, 1000);
  if (status == ARES_SUCCESS) ares_destroy(channel);
  return status;
}
