// What Swift's Glibc module cannot express: batched UDP with control messages, and epoll.
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

// An IPv4 or IPv6 socket address by value.
typedef struct {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } u;
  uint32_t length;
} clinux_address;

// From `count` bytes in network order, 4 or 16; anything else is refused with false. `scope` is an interface index.
bool clinux_address_set(clinux_address *address, const uint8_t *bytes, size_t count, uint16_t port, uint32_t scope);

// Messages in one receive batch and bytes in one message (a GRO train is at most 64 KiB).
enum { CLINUX_BATCH = 8, CLINUX_MESSAGE_BYTES = 65536 };

// One received message: one datagram, or several of `segment` bytes each (the last may be shorter).
typedef struct {
  clinux_address remote;
  // The address it was sent to, with the port of the socket.
  clinux_address local;
  const uint8_t *data;
  size_t length;
  size_t segment;
  // RFC 3168: 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE.
  uint8_t ecn;
} clinux_message;

typedef struct clinux_receiver clinux_receiver;
clinux_receiver *clinux_receiver_new(void);
void clinux_receiver_free(clinux_receiver *receiver);

// Opens, sets up and binds a UDP socket. Returns the descriptor or a negative errno.
// `buffer_bytes` is asked for both directions; what came of it is in `receive_buffer_bytes`.
int clinux_udp_open(const clinux_address *local, int reuse_port, int buffer_bytes, int *receive_buffer_bytes);
// The address that the socket is bound to. 0 or a negative errno.
int clinux_udp_local(int fd, clinux_address *local);
// One recvmmsg. Returns the number of messages (0: would block) or a negative errno; `bound` gives the port.
int clinux_udp_receive(int fd, clinux_receiver *receiver, const clinux_address *bound, clinux_message *messages);
// One sendmsg of `length` bytes as datagrams of `segment` bytes. `from` may be NULL or a wildcard.
// Returns 0 or a negative errno.
int clinux_udp_send(int fd, const clinux_address *to, const clinux_address *from, const uint8_t *data, size_t length,
                    size_t segment, uint8_t ecn);
// Takes one entry off the error queue: an ICMP error for a datagram that went to `remote`.
// Returns its errno as a positive number, 0 when the queue is empty, or a negative errno.
int clinux_udp_error(int fd, clinux_address *remote);
// The source address that the kernel would use towards `remote`, port 0. 0 or a negative errno.
int clinux_source_address(const clinux_address *remote, clinux_address *source);

// A netlink socket that hears of changes of links, addresses and routes. Returns the descriptor or a negative errno.
int clinux_netlink_open(void);
// One message train of the kernel into `data`. Returns its bytes, 0 when there is none, or a negative errno: -ENOBUFS
// when messages were lost, whether by an overrun or for want of room in `data`.
long clinux_netlink_receive(int fd, uint8_t *data, size_t capacity);

// epoll_pwait2, or epoll_wait where it is missing (then rounded up to milliseconds). `timeout_ns` < 0 waits for ever.
// Returns the number of events or a negative errno.
int clinux_epoll_wait(int epoll, struct epoll_event *events, int maximum, int64_t timeout_ns);

uint64_t clinux_monotonic_ns(void);

// At most 15 characters, as `ps -L` shows them.
void clinux_name_thread(const char *name);

// Free memory that malloc may keep at the end of a heap, and twice the size from which a block is mapped by itself: a
// frame of the default limit, 1 MiB, is not.
enum { CLINUX_FREE_BYTES_MAX = 4 << 20 };
// Lets malloc keep that much, in the whole process.
void clinux_keep_freed_memory(void);
