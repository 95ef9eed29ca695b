#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/rtnetlink.h>
#include <malloc.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum { CONTROL_BYTES = 256 };

struct clinux_receiver {
  struct mmsghdr headers[CLINUX_BATCH];
  struct iovec vectors[CLINUX_BATCH];
  clinux_address remotes[CLINUX_BATCH];
  _Alignas(struct cmsghdr) uint8_t control[CLINUX_BATCH][CONTROL_BYTES];
  uint8_t data[CLINUX_BATCH][CLINUX_MESSAGE_BYTES];
};

clinux_receiver *clinux_receiver_new(void) { return calloc(1, sizeof(clinux_receiver)); }
void clinux_receiver_free(clinux_receiver *receiver) { free(receiver); }

static int set_option(int fd, int level, int name, int value) { return setsockopt(fd, level, name, &value, sizeof value); }

int clinux_udp_open(const clinux_address *local, int reuse_port, int buffer_bytes, int *receive_buffer_bytes) {
  int family = local->u.any.sa_family;
  int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (family == AF_INET6) {
    // IPv4 has a socket of its own, so that both wildcards can have the same port.
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    set_option(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
  } else {
    set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    set_option(fd, IPPROTO_IP, IP_RECVTOS, 1);
    set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    set_option(fd, IPPROTO_IP, IP_RECVERR, 1);
  }
  if (reuse_port) set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  // The FORCE variants pass the sysctl limits where the capability is there.
  if (set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, buffer_bytes) < 0) set_option(fd, SOL_SOCKET, SO_RCVBUF, buffer_bytes);
  if (set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, buffer_bytes) < 0) set_option(fd, SOL_SOCKET, SO_SNDBUF, buffer_bytes);
  // Without GRO every datagram comes by itself: slower, not wrong.
  set_option(fd, IPPROTO_UDP, UDP_GRO, 1);
  int bytes = 0;
  socklen_t size = sizeof bytes;
  getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &size);
  // The kernel reports twice what it grants.
  *receive_buffer_bytes = bytes / 2;
  if (bind(fd, &local->u.any, local->length) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

int clinux_udp_local(int fd, clinux_address *local) {
  memset(local, 0, sizeof *local);
  socklen_t size = sizeof local->u;
  if (getsockname(fd, &local->u.any, &size) < 0) return -errno;
  local->length = size;
  return 0;
}

static void read_control(struct msghdr *header, const clinux_address *bound, clinux_message *message) {
  message->local = *bound;
  message->segment = message->length;
  message->ecn = 0;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
    if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
      int size;
      memcpy(&size, CMSG_DATA(c), sizeof size);
      if (size > 0) message->segment = (size_t)size;
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      message->local.u.v4.sin_addr = info.ipi_addr;
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      message->local.u.v6.sin6_addr = info.ipi6_addr;
      if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) message->local.u.v6.sin6_scope_id = info.ipi6_ifindex;
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
      message->ecn = *CMSG_DATA(c) & 3;
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
      int class;
      memcpy(&class, CMSG_DATA(c), sizeof class);
      message->ecn = (uint8_t)(class & 3);
    }
  }
}

int clinux_udp_receive(int fd, clinux_receiver *r, const clinux_address *bound, clinux_message *messages) {
  for (int i = 0; i < CLINUX_BATCH; i++) {
    r->vectors[i] = (struct iovec){r->data[i], CLINUX_MESSAGE_BYTES};
    r->headers[i].msg_hdr = (struct msghdr){
        .msg_name = &r->remotes[i].u,
        .msg_namelen = sizeof r->remotes[i].u,
        .msg_iov = &r->vectors[i],
        .msg_iovlen = 1,
        .msg_control = r->control[i],
        .msg_controllen = CONTROL_BYTES,
    };
  }
  int count;
  // A pending ICMP error is reported once by whichever call comes next; the error queue has the details.
  for (int tries = 0;; tries++) {
    count = recvmmsg(fd, r->headers, CLINUX_BATCH, MSG_DONTWAIT, NULL);
    if (count >= 0) break;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (tries >= 16) return -errno;
  }
  for (int i = 0; i < count; i++) {
    clinux_message *message = &messages[i];
    r->remotes[i].length = r->headers[i].msg_hdr.msg_namelen;
    message->remote = r->remotes[i];
    message->data = r->data[i];
    message->length = r->headers[i].msg_len;
    read_control(&r->headers[i].msg_hdr, bound, message);
  }
  return count;
}

static void *append(struct msghdr *header, int level, int type, const void *value, size_t size) {
  struct cmsghdr *c = (struct cmsghdr *)((uint8_t *)header->msg_control + header->msg_controllen);
  c->cmsg_level = level;
  c->cmsg_type = type;
  c->cmsg_len = CMSG_LEN(size);
  memcpy(CMSG_DATA(c), value, size);
  header->msg_controllen += CMSG_SPACE(size);
  return c;
}

int clinux_udp_send(int fd, const clinux_address *to, const clinux_address *from, const uint8_t *data, size_t length,
                    size_t segment, uint8_t ecn) {
  struct iovec vector = {(void *)data, length};
  _Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES];
  memset(control, 0, sizeof control);
  struct msghdr header = {
      .msg_name = (void *)&to->u, .msg_namelen = to->length, .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control};
  if (length > segment) {
    uint16_t size = (uint16_t)segment;
    append(&header, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size);
  }
  int class = ecn;
  if (to->u.any.sa_family == AF_INET) {
    if (ecn) append(&header, IPPROTO_IP, IP_TOS, &class, sizeof class);
    if (from && from->u.v4.sin_addr.s_addr != INADDR_ANY) {
      struct in_pktinfo info = {.ipi_spec_dst = from->u.v4.sin_addr};
      append(&header, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    }
  } else {
    if (ecn) append(&header, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof class);
    if (from && !IN6_IS_ADDR_UNSPECIFIED(&from->u.v6.sin6_addr)) {
      struct in6_pktinfo info = {.ipi6_addr = from->u.v6.sin6_addr, .ipi6_ifindex = from->u.v6.sin6_scope_id};
      append(&header, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    }
  }
  if (header.msg_controllen == 0) header.msg_control = NULL;
  for (int tries = 0;; tries++) {
    if (sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return 0;
    // An ICMP error of an earlier datagram, to whomever, may surface here once.
    if ((errno == EINTR || errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENETUNREACH) && tries == 0) continue;
    return -errno;
  }
}

int clinux_udp_error(int fd, clinux_address *remote) {
  uint8_t data[64];
  _Alignas(struct cmsghdr) uint8_t control[512];
  struct iovec vector = {data, sizeof data};
  memset(remote, 0, sizeof *remote);
  struct msghdr header = {.msg_name = &remote->u, .msg_namelen = sizeof remote->u, .msg_iov = &vector, .msg_iovlen = 1,
                          .msg_control = control, .msg_controllen = sizeof control};
  if (recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return errno == EAGAIN ? 0 : -errno;
  remote->length = header.msg_namelen;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
        (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
      struct sock_extended_err error;
      memcpy(&error, CMSG_DATA(c), sizeof error);
      return error.ee_errno > 0 ? (int)error.ee_errno : EIO;
    }
  }
  return EIO;
}

bool clinux_address_set(clinux_address *address, const uint8_t *bytes, size_t count, uint16_t port, uint32_t scope) {
  memset(address, 0, sizeof *address);
  if (count == sizeof address->u.v4.sin_addr) {
    address->u.v4.sin_family = AF_INET;
    address->u.v4.sin_port = htons(port);
    memcpy(&address->u.v4.sin_addr, bytes, count);
    address->length = sizeof address->u.v4;
    return true;
  }
  if (count == sizeof address->u.v6.sin6_addr) {
    address->u.v6.sin6_family = AF_INET6;
    address->u.v6.sin6_port = htons(port);
    address->u.v6.sin6_scope_id = scope;
    memcpy(&address->u.v6.sin6_addr, bytes, count);
    address->length = sizeof address->u.v6;
    return true;
  }
  return false;
}

int clinux_source_address(const clinux_address *remote, clinux_address *source) {
  int fd = socket(remote->u.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int result = connect(fd, &remote->u.any, remote->length) < 0 ? -errno : clinux_udp_local(fd, source);
  close(fd);
  if (result == 0) {
    if (source->u.any.sa_family == AF_INET) source->u.v4.sin_port = 0;
    else source->u.v6.sin6_port = 0;
  }
  return result;
}

int clinux_netlink_open(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return -errno;
  struct sockaddr_nl local = {
      .nl_family = AF_NETLINK,
      .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE};
  if (bind(fd, (struct sockaddr *)&local, sizeof local) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

long clinux_netlink_receive(int fd, uint8_t *data, size_t capacity) {
  // Whatever is not from the kernel is passed over, so many at a time.
  for (int tries = 0; tries < 16; tries++) {
    struct sockaddr_nl from = {0};
    struct iovec vector = {data, capacity};
    struct msghdr header = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &vector, .msg_iovlen = 1};
    ssize_t count = recvmsg(fd, &header, MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
    if (from.nl_pid != 0) continue;
    if (header.msg_flags & MSG_TRUNC) return -ENOBUFS;
    return count;
  }
  return 0;
}

int clinux_epoll_wait(int epoll, struct epoll_event *events, int maximum, int64_t timeout_ns) {
  static int without_pwait2;
  if (!without_pwait2) {
    struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    int count = epoll_pwait2(epoll, events, maximum, timeout_ns < 0 ? NULL : &timeout, NULL);
    if (count >= 0) return count;
    // Kernels before 5.11 and some seccomp profiles do not have it.
    if (errno != ENOSYS && errno != EPERM) return -errno;
    without_pwait2 = 1;
  }
  int64_t milliseconds = timeout_ns < 0 ? -1 : (timeout_ns + 999999) / 1000000;
  if (milliseconds > 1000000) milliseconds = 1000000;
  int count = epoll_wait(epoll, events, maximum, (int)milliseconds);
  return count >= 0 ? count : -errno;
}

uint64_t clinux_monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void clinux_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

void clinux_keep_freed_memory(void) {
  // By default malloc gives back what lies free beyond 128 KiB, and a stream that is read in blocks of 64 KiB faults each
  // of them in anew. Naming one of the two fixes the other at 128 KiB, so both are named.
  mallopt(M_TRIM_THRESHOLD, CLINUX_FREE_BYTES_MAX);
  mallopt(M_MMAP_THRESHOLD, CLINUX_FREE_BYTES_MAX / 2);
}
