#pragma once
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

// Variadic functions and some macros do not reach Swift.

static const uint64_t CMICROHTTPD_SIZE_UNKNOWN = MHD_SIZE_UNKNOWN;

/* Before 0.9.77 being strict means two checks that we make ourselves: its answer to them had its head twice. */
#if MHD_VERSION >= 0x00097701
#define CMICROHTTPD_STRICT MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1
#else
#define CMICROHTTPD_STRICT MHD_OPTION_STRICT_FOR_CLIENT, 0
#endif

/* PEM, zero-terminated, good until the daemon is stopped; without a key there is no TLS, without an authority no client
   is asked for a certificate. */
struct cmicrohttpd_tls {
  const char *key;
  const char *certificate;
  const char *client_authority;
};

/* One epoll thread of the library's own. No MHD_USE_ERROR_LOG: it would write to standard error itself. */
static inline struct MHD_Daemon *cmicrohttpd_start(
    int listen_socket, unsigned int connections_max, unsigned int connections_per_ip_max, size_t memory_bytes,
    unsigned int inactivity_seconds, struct cmicrohttpd_tls tls, MHD_AccessHandlerCallback access,
    void *(*request_line)(void *context, const char *target, struct MHD_Connection *connection),
    MHD_RequestCompletedCallback completed, MHD_NotifyConnectionCallback connection, void *context) {
  unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
  struct MHD_OptionItem options[4];
  unsigned int count = 0;
  if (tls.key != NULL) {
    flags |= MHD_USE_TLS;
    options[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)tls.key};
    options[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)tls.certificate};
    if (tls.client_authority != NULL)
      options[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)tls.client_authority};
  }
  options[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
  return MHD_start_daemon(
      flags, 0, NULL, NULL, access, context,
      MHD_OPTION_LISTEN_SOCKET, listen_socket, MHD_OPTION_CONNECTION_LIMIT, connections_max,
      MHD_OPTION_PER_IP_CONNECTION_LIMIT, connections_per_ip_max, MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory_bytes,
      MHD_OPTION_CONNECTION_TIMEOUT, inactivity_seconds, MHD_OPTION_URI_LOG_CALLBACK, request_line, context,
      MHD_OPTION_NOTIFY_COMPLETED, completed, context, MHD_OPTION_NOTIFY_CONNECTION, connection, context,
      CMICROHTTPD_STRICT, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

/* -1 when there is none. */
static inline int cmicrohttpd_descriptor(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info == NULL ? -1 : (int)info->connect_fd;
}

/* Whether the client has shown a certificate of the authority; the library asks for one, but leaves this to us. */
static inline int cmicrohttpd_client_is_verified(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  unsigned int status = 1;
  return info != NULL && info->tls_session != NULL
      && gnutls_certificate_verify_peers2((gnutls_session_t)info->tls_session, &status) == 0 && status == 0;
}

static inline void *cmicrohttpd_socket_context(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info == NULL ? NULL : info->socket_context;
}

static inline const struct sockaddr *cmicrohttpd_client_address(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  return info == NULL ? NULL : info->client_addr;
}

/* The end of the body is the end of the connection. */
static inline void cmicrohttpd_without_chunks(struct MHD_Response *response) {
  MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
}
