// ngtcp2 and its GnuTLS helper behind names and types that are the same for 0.12 and 1.x.
//
// Everything that differs between the versions, that is a macro, or that asserts on misuse is in cngtcp2.c.
// A connection is one `cng_conn`, owned by one Swift object (`owner`), used on one thread. Callbacks must not call
// cng_read, cng_write_stream, cng_write_close or cng_conn_free.
#pragma once
#include <CLinux.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct cng_conn cng_conn;

enum { CNG_CID_BYTES_MAX = 20, CNG_LOCAL_CID_BYTES = 8, CNG_TOKEN_BYTES = 16, CNG_SECRET_BYTES = 32 };

typedef struct {
  uint8_t length;
  uint8_t bytes[20];
} cng_cid;

// What a connection tells its owner. None may be NULL. Those that return int return 0, or -1 to fail the connection.
typedef struct {
  void (*handshake_completed)(void *owner);
  void (*handshake_confirmed)(void *owner);
  int (*stream_opened)(void *owner, int64_t id);
  int (*stream_data)(void *owner, void *stream, int64_t id, const uint8_t *data, size_t length, bool finished);
  // Everything before offset `end` has been acknowledged.
  void (*stream_acknowledged)(void *owner, void *stream, uint64_t end);
  void (*stream_closed)(void *owner, void *stream, int64_t id);
  void (*stream_reset)(void *owner, void *stream, uint64_t code);
  // The remote allows more data on this stream.
  void (*stream_writable)(void *owner, void *stream);
  // The remote allows more streams.
  void (*streams_available)(void *owner);
  void (*cid_added)(void *owner, const cng_cid *cid);
  void (*cid_removed)(void *owner, const cng_cid *cid);
  // A stateless reset token of the remote that is in use, or no more.
  void (*reset_token)(void *owner, const uint8_t *token, bool active);
  void (*path_validated)(void *owner, bool succeeded);
  void (*stateless_reset)(void *owner);
} cng_callbacks;

// Set once, before the first connection; the table must live for ever.
void cng_set_callbacks(const cng_callbacks *callbacks);

typedef struct {
  bool bbr;
  uint64_t handshake_timeout_ns;
  uint64_t idle_timeout_ns;
  uint64_t stream_window;
  uint64_t connection_window;
  uint64_t stream_window_max;
  uint64_t connection_window_max;
  uint64_t streams_bidi_max;
  uint8_t secret[32];
  // First byte of our connection ids.
  uint8_t shard;
} cng_settings;

// A first Initial that may become a connection.
typedef struct {
  uint32_t version;
  cng_cid dcid;
  cng_cid scid;
  // The destination connection id before Retry; length 0 when there was none.
  cng_cid original_dcid;
  const uint8_t *token;
  size_t token_length;
} cng_initial;

// --- Connections

cng_conn *cng_conn_new(void *owner);
void cng_conn_free(cng_conn *c);
// What gnutls_session_set_ptr needs, and the way back to the owner in a GnuTLS callback.
void *cng_conn_session_pointer(cng_conn *c);
void *cng_owner_of_session(void *gnutls_session);
// Between gnutls_priority_set and gnutls_session_set_ptr. 0 or -1.
int cng_configure_session(void *gnutls_session, bool server);

int cng_client_start(cng_conn *c, void *gnutls_session, const cng_settings *s, const clinux_address *local,
                     const clinux_address *remote, uint64_t now);
int cng_server_start(cng_conn *c, void *gnutls_session, const cng_settings *s, const clinux_address *local,
                     const clinux_address *remote, const cng_initial *initial, uint64_t now);
// The TLS session is no longer needed (the handshake is confirmed); the caller frees it.
void cng_forget_session(cng_conn *c);

// 0 or an ngtcp2 error.
int cng_read(cng_conn *c, const clinux_address *local, const clinux_address *remote, uint8_t ecn, const uint8_t *data,
             size_t length, uint64_t now);
int cng_handle_expiry(cng_conn *c, uint64_t now);
uint64_t cng_expiry(cng_conn *c);

typedef struct {
  const uint8_t *base;
  size_t length;
} cng_vector;

// Where and how a packet goes.
typedef struct {
  clinux_address local;
  clinux_address remote;
  uint8_t ecn;
} cng_route;
static inline bool cng_same_route(const cng_route *a, const cng_route *b) {
  return a->ecn == b->ecn && a->local.length == b->local.length && a->remote.length == b->remote.length &&
         memcmp(&a->local.u, &b->local.u, a->local.length) == 0 &&
         memcmp(&a->remote.u, &b->remote.u, a->remote.length) == 0;
}

// Writes at most one packet; `stream` -1 for none. Returns bytes, 0 for nothing to send now, or an ngtcp2 error.
// `accepted`: stream bytes taken, -1 for none. With `more` the packet may stay open (CNG_WRITE_MORE).
int64_t cng_write_stream(cng_conn *c, cng_route *route, uint8_t *packet, size_t capacity, int64_t *accepted, bool more,
                         bool finish, int64_t stream, const cng_vector *vectors, size_t count, uint64_t now);
// After a burst, for pacing.
void cng_sent(cng_conn *c, uint64_t now);
// How a CONNECTION_CLOSE is to read: for `error` (an ngtcp2 error), or with an application code when `error` is 0.
int64_t cng_write_close(cng_conn *c, cng_route *route, uint8_t *packet, size_t capacity, int error, uint64_t code,
                        const uint8_t *reason, size_t reason_length, uint64_t now);

typedef struct {
  bool application;
  uint64_t code;
  const uint8_t *reason;
  size_t reason_length;
} cng_close;
// What the remote said; valid after cng_read returned CNG_DRAINING, until cng_conn_free.
void cng_remote_close(cng_conn *c, cng_close *close);
uint8_t cng_tls_alert(cng_conn *c);

int cng_open_stream(cng_conn *c, int64_t *id, void *stream);
void cng_set_stream(cng_conn *c, int64_t id, void *stream);
bool cng_is_bidirectional(int64_t id);
void cng_reset_stream(cng_conn *c, int64_t id, uint64_t code);
void cng_stop_stream(cng_conn *c, int64_t id, uint64_t code);
// The reader took `length` bytes: give credit back on the stream (unless it is gone, id -1) and on the connection.
void cng_consumed(cng_conn *c, int64_t id, size_t length);
uint64_t cng_connection_credit(cng_conn *c);
uint64_t cng_streams_left(cng_conn *c);

size_t cng_packet_size(cng_conn *c);
size_t cng_path_packet_size(cng_conn *c);
size_t cng_send_quantum(cng_conn *c);
uint64_t cng_probe_timeout(cng_conn *c);
void cng_path(cng_conn *c, clinux_address *local, clinux_address *remote);
// ns; UINT64_MAX when the remote has none or is not known yet.
uint64_t cng_remote_idle_timeout(cng_conn *c);
// 0 turns it off.
void cng_set_keep_alive(cng_conn *c, uint64_t timeout_ns);
int cng_update_key(cng_conn *c, uint64_t now);
// A client moves to another path at once, which is validated meanwhile (RFC 9000 §9.2). 0 or an ngtcp2 error: the
// server does not allow it, or there is no connection id for it yet.
int cng_migrate(cng_conn *c, const clinux_address *local, const clinux_address *remote, uint64_t now);
// All of our connection ids, at most `maximum`; returns the number.
size_t cng_local_cids(cng_conn *c, cng_cid *cids, size_t maximum);
// Tokens that the remote may reset us with; `tokens` holds 16 bytes each.
size_t cng_reset_tokens(cng_conn *c, uint8_t *tokens, size_t maximum);

typedef struct {
  uint64_t rtt_latest_ns, rtt_min_ns, rtt_smoothed_ns, rtt_variance_ns;
  bool rtt_known;
  uint64_t congestion_window, bytes_in_flight;
  // To be added: cng_open_stream_losses of each open stream.
  uint64_t packets_lost;
} cng_statistics;
void cng_get_statistics(cng_conn *c, cng_statistics *s);
// Before 1.16 ngtcp2 counts lost packets stream by stream: those with data of the stream that it had to send again after
// an acknowledgement showed the loss. Since then `packets_lost` has all, and this is 0.
uint64_t cng_open_stream_losses(cng_conn *c, int64_t id);

// --- Packets without a connection

typedef enum {
  CNG_ROUTE,                // look `dcid` up
  CNG_VERSION_NEGOTIATION,  // a version that is not ours, in a datagram large enough for an answer
  CNG_DROP,
} cng_decoded;
cng_decoded cng_decode(const uint8_t *data, size_t length, uint32_t *version, cng_cid *dcid, cng_cid *scid);
// 0 when `data` begins with an acceptable version 1 Initial; token points into `data`.
int cng_accept(const uint8_t *data, size_t length, cng_initial *initial);
int64_t cng_write_version_negotiation(uint8_t *packet, size_t capacity, const cng_cid *dcid, const cng_cid *scid);
int64_t cng_write_retry(uint8_t *packet, size_t capacity, const cng_initial *initial, const clinux_address *remote,
                        const uint8_t *secret, uint8_t shard, uint64_t now);
bool cng_is_retry_token(const cng_initial *initial);
// 0 and `original_dcid` filled, or -1.
int cng_verify_retry(cng_initial *initial, const clinux_address *remote, const uint8_t *secret, uint64_t timeout_ns,
                     uint64_t now);
// CONNECTION_CLOSE in an Initial packet for someone without a connection.
int64_t cng_write_refusal(uint8_t *packet, size_t capacity, const cng_initial *initial, uint64_t code,
                          const uint8_t *reason, size_t reason_length);
int64_t cng_write_stateless_reset(uint8_t *packet, size_t length, const uint8_t *secret, const cng_cid *dcid);

extern const int CNG_WRITE_MORE, CNG_STREAM_BLOCKED, CNG_STREAM_SHUT, CNG_STREAM_NOT_FOUND, CNG_DRAINING, CNG_DROP_CONN,
    CNG_RETRY, CNG_IDLE_CLOSE, CNG_HANDSHAKE_TIMEOUT, CNG_CRYPTO, CNG_STREAM_ID_BLOCKED, CNG_VERSION_MISMATCH;
extern const uint64_t CNG_INVALID_TOKEN, CNG_CONNECTION_REFUSED, CNG_CRYPTO_ERROR_BASE;
const char *cng_words(int error);
const char *cng_version(void);
